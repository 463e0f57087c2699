# selfreward-eval in a container.
#
#   docker build --target cpu  -t selfreward-eval:cpu .
#   docker build --target cuda -t selfreward-eval:cuda .
#   docker run --rm -v "$PWD":/work selfreward-eval:cpu run --model tiny --tasks shapes_geneval --limit 6
#   docker run --rm --gpus all -v "$PWD":/work selfreward-eval:cuda run --model janus ...
#
# The process is no root. Where the mounted folder belongs to another user, add --user "$(id -u):$(id -g)".

FROM python:3.11-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim AS base
# Downloaded weights and data go below /cache, which any user may write to: mount a volume there to keep them.
# Byte code comes with the image: the process may not write it, and would compile torch at every start.
ENV HOME=/cache \
    PYTHONUNBUFFERED=1 \
    UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir "uv>=0.8" \
    && useradd --uid 1000 --home-dir /cache --create-home evaluator \
    && chmod 1777 /cache \
    && install -d -o evaluator /work
WORKDIR /work

# torch without CUDA: uv knows where its wheels are.
FROM base AS cpu
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    uv pip install --system --no-cache --torch-backend cpu -c /constraints.txt /wheels/*.whl
USER 1000
ENTRYPOINT ["selfreward-eval"]
CMD ["--help"]

# The wheels of torch from the package index bring the CUDA libraries; the host brings the driver.
FROM base AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    uv pip install --system --no-cache -c /constraints.txt /wheels/*.whl
USER 1000
ENTRYPOINT ["selfreward-eval"]
CMD ["--help"]
