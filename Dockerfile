# Two stages: wheels are built from the locks, hash by hash, and installed without a network.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY requirements.txt requirements-build.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-build.txt \
 && pip wheel --no-cache-dir --require-hashes --wheel-dir /wheels -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY processor ./processor
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="segment-bridge" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps /wheels/*.whl \
 && mkdir /config
# Numeric, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /config
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    SEGMENT_BRIDGE_CONFIG=/config/segment-bridge.yaml
EXPOSE 9464
ENTRYPOINT ["segment-bridge"]
CMD ["run"]
