# syntax=docker/dockerfile:1
#
#   docker build -t bearing-stream .
#   docker run --rm bearing-stream consume --bootstrap-servers broker:9092
#
# The image diagnoses on a CPU. For CUDA, `--build-arg EXTRAS=serve,torch` adds PyTorch, whose usual
# build carries CUDA; run that image with `--gpus all`.

ARG PYTHON=3.11-slim

FROM python:${PYTHON} AS build
ARG EXTRAS=serve
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# For the kernel in C. Without a compiler NumPy computes the network, in twice the time.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build

# The dependencies first, so that a change of our code installs none of them again. `demo` and `train`
# are for a developer's machine.
COPY constraints.txt pyproject.toml ./
RUN python -c "import sys, tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*project['dependencies'], *(line for extra in sys.argv[1].split(',') for line in project['optional-dependencies'][extra]), sep='\n')" "$EXTRAS" > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

# What the build may see is listed in .dockerignore.
COPY . ./
RUN pip install --no-deps .

FROM python:${PYTHON}
RUN useradd --uid 10001 --create-home bearing
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/bearing
# The consumer commits what is in flight and leaves its group.
STOPSIGNAL SIGTERM
ENTRYPOINT ["bearing-stream"]
CMD ["--help"]
