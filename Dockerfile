# syntax=docker/dockerfile:1
# That of release/base-image.txt, as a test makes sure. Another one: any with Python 3.11 or newer, by its
# digest, with --build-arg BASE=...@sha256:...
ARG BASE=docker.io/library/python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
WORKDIR /build
COPY requirements/operator.txt requirements/
RUN python3 -m pip install --no-cache-dir --no-compile --require-hashes --only-binary :all: \
      --target /opt/pinnedrelease --requirement requirements/operator.txt \
 && rm -rf /opt/pinnedrelease/bin \
 && mkdir /opt/pinnedrelease/bin \
 && printf '%s\n' '#!/usr/bin/env python3' 'from pinnedrelease.__main__ import main' 'raise SystemExit(main())' \
      > /opt/pinnedrelease/bin/pinrel \
 && chmod 0755 /opt/pinnedrelease/bin/pinrel
# The package needs no build: it is put beside its dependencies as it is.
COPY operator/pinnedrelease/ /opt/pinnedrelease/pinnedrelease/
# Compiled files that name their source by its hash, not by a time, are the same in every build.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/pinnedrelease

FROM ${BASE}
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pinnedrelease" \
      org.opencontainers.image.description="Keeps Kubernetes workloads on the declared image digest" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/pinnedrelease /opt/pinnedrelease
# `pinrel` is there for pipelines, whose steps are scripts in this image.
ENV PATH=/opt/pinnedrelease/bin:${PATH} \
    PYTHONPATH=/opt/pinnedrelease \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# From here on nothing is run in the image and nothing is written: no shell, no home, no cache.
USER 65532:65532
ENTRYPOINT ["python3", "-m", "pinnedrelease"]
CMD ["controller", "--log-format=json"]
