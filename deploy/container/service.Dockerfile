# One of Debian's own servers as an image: the relay (coturn) or the media server (janus). PACKAGE names which.
FROM debian:bookworm-slim
ARG PACKAGE
RUN apt-get update && apt-get install -y --no-install-recommends "$PACKAGE" && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home service
USER service
STOPSIGNAL SIGTERM
