# syntax=docker/dockerfile:1
#
#   docker build -t bearing-stream .
#   docker run --rm bearing-stream consume --bootstrap-servers broker:9092
#
# The image diagnoses on a CPU and holds 0.4 GB. For CUDA, `--build-arg EXTRAS=serve,page,metrics,otel,transactions,torch`
# adds PyTorch, whose usual build carries CUDA and takes 6 GB more; run that image with `--gpus all`.
# It writes nowhere: `--read-only --cap-drop ALL --security-opt no-new-privileges` are fine.

ARG PYTHON=3.11-slim

FROM python:${PYTHON} AS build
ARG EXTRAS=serve,page,metrics,otel,transactions
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PYTHON=/opt/venv/bin/python
# For the kernel in C. Without a compiler NumPy computes the network, in twice the time.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
# The pip of the image installs into it, so that no pip is in it.
RUN python -m venv --without-pip /opt/venv
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
ARG REVISION=
LABEL org.opencontainers.image.title=bearing-stream \
      org.opencontainers.image.description="Diagnoses rolling-element bearings out of Kafka, exactly once." \
      org.opencontainers.image.version=0.1.0 \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.licenses=Apache-2.0
RUN useradd --uid 10001 --create-home bearing
COPY --from=build /opt/venv /opt/venv
COPY deploy/healthcheck.py /usr/local/lib/bearing-stream/healthcheck.py
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/bearing
# The consumer commits what is in flight and leaves its group.
STOPSIGNAL SIGTERM
# Of an endpoint, where the command has one: `consume` with BEARING_STREAM_METRICS_PORT, `serve`, `page`.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=6 \
    CMD ["python", "/usr/local/lib/bearing-stream/healthcheck.py"]
ENTRYPOINT ["bearing-stream"]
CMD ["--help"]
