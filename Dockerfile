# The product with its pinned packages; every service of docker-compose.yml runs this image as an ordinary user.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app

# The packages change less often than the code, so they are a layer of their own.
COPY requirements/run.txt requirements/run.txt
RUN pip install --require-hashes -r requirements/run.txt

COPY . .
RUN pip install --no-deps --no-build-isolation --editable . \
    && useradd --system --uid 1000 --home-dir /etc/integration integration \
    && install -d -o integration -g integration -m 700 /etc/integration/.integration

USER integration
ENV INTEGRATION_CONFIG=/etc/integration/integration.toml
CMD ["integration", "--help"]
