# Scaling Advisor in a container: two stages, so that nothing that builds is in what runs.
#
#     docker build --tag scaling-advisor .
#     docker run --read-only --tmpfs /tmp --volume advisor:/var/lib/advisor \
#       --volume ./advisor.yaml:/var/lib/advisor/advisor.yaml:ro scaling-advisor

# 1. The wheel, and an environment with exactly the versions that were tested together.
FROM python:3.13-slim AS build

WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY advisor advisor
COPY collectors collectors
COPY rules rules

RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && python -m venv /opt/advisor \
 && /opt/advisor/bin/python -m pip install --no-cache-dir --constraint constraints.txt /wheels/*.whl \
 && /opt/advisor/bin/python -m pip uninstall --yes setuptools pip

# 2. Only that environment. Root owns it, so the user that runs it cannot change it.
FROM python:3.13-slim

RUN groupadd --gid 10001 advisor \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/advisor --shell /usr/sbin/nologin advisor \
 && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/advisor

COPY --from=build /opt/advisor /opt/advisor

ENV PATH=/opt/advisor/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONDONTWRITEBYTECODE=1
ENV PYTHONUNBUFFERED=1
ENV ADVISOR_CONFIG=/var/lib/advisor/advisor.yaml

# The only place that is written to: the store lies beside advisor.yaml.
VOLUME /var/lib/advisor
WORKDIR /var/lib/advisor
USER 10001:10001
EXPOSE 8080

HEALTHCHECK --interval=30s --timeout=3s --start-period=15s CMD ["python", "-m", "advisor.healthcheck"]

ENTRYPOINT ["advisor"]
CMD ["run"]
