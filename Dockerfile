# syntax=docker/dockerfile:1
# Pin the base by digest: --build-arg BASE=python:3.11-slim@sha256:...
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /build
COPY requirements/operator.txt requirements/
RUN python -m venv /opt/pinnedrelease \
 && /opt/pinnedrelease/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
    --requirement requirements/operator.txt
# The package needs no build: it is put beside its dependencies as it is.
COPY operator/pinnedrelease/ /tmp/pinnedrelease/
RUN site="$(/opt/pinnedrelease/bin/python -c 'import site; print(site.getsitepackages()[0])')" \
 && cp -r /tmp/pinnedrelease "${site}/pinnedrelease" \
 && /opt/pinnedrelease/bin/python -m compileall -q "${site}/pinnedrelease"

FROM ${BASE}
LABEL org.opencontainers.image.title="pinnedrelease" \
      org.opencontainers.image.description="Keeps Kubernetes workloads on the declared image digest" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/pinnedrelease /opt/pinnedrelease
ENV PATH=/opt/pinnedrelease/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
ENTRYPOINT ["python", "-m", "pinnedrelease"]
CMD ["controller", "--log-format=json"]
