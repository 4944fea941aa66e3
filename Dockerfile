# syntax=docker/dockerfile:1
#
#   docker build -t bearing-stream .
#   docker run --rm bearing-stream consume --bootstrap-servers broker:9092
#
# torch comes in its CPU build. With `--build-arg TORCH_INDEX=` it comes from pip's usual index,
# which on Linux holds the build for CUDA; any other index can be named there too. To use a GPU, run
# the image with `--gpus all`.

ARG PYTHON=3.11-slim

FROM python:${PYTHON} AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build

# torch alone: what it depends on comes from the usual index, pinned as everything else. Then the
# other dependencies, so that a change of our code installs none of them again: those of the base
# and of the extra `serve`. `demo` and `train` are for a developer's machine.
COPY constraints.txt ./
RUN pip install --no-deps --constraint constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch
COPY pyproject.toml ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*project['dependencies'], *project['optional-dependencies']['serve'], sep='\n')" > requirements.txt \
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
