"""What Railway is asked, as GraphQL."""

from datetime import UTC, datetime

__all__ = [
    "ENVIRONMENT",
    "HTTP",
    "METRICS",
    "PROJECT",
    "USAGE",
    "WHOSE",
    "WHOSE_PROJECT",
    "WORKSPACE",
    "stamp",
]

WORKSPACE = """
query Workspace($workspace: String!) {
  workspace(workspaceId: $workspace) {
    name
    plan
    banReason
    customer {
      currentUsage
      isTrialing
      hasExhaustedFreePlan
      billingPeriod { start end }
      usageLimit { softLimit hardLimit isOverLimit }
    }
  }
}
"""

USAGE = """
query Usage($project: String!, $from: DateTime!, $to: DateTime!) {
  usage(
    projectId: $project, startDate: $from, endDate: $to, includeDeleted: true,
    groupBy: [SERVICE_ID, ENVIRONMENT_ID],
    measurements: [CPU_USAGE, MEMORY_USAGE_GB, DISK_USAGE_GB, BACKUP_USAGE_GB, NETWORK_TX_GB]
  ) { measurement value tags { serviceId environmentId } }
}
"""

METRICS = """
query Metrics($project: String!, $environment: String!, $service: String, $from: DateTime!, $to: DateTime!) {
  metrics(
    projectId: $project, environmentId: $environment, serviceId: $service, startDate: $from, endDate: $to,
    sampleRateSeconds: 60, groupBy: [SERVICE_ID],
    measurements: [CPU_USAGE, CPU_LIMIT, MEMORY_USAGE_GB, MEMORY_LIMIT_GB]
  ) { measurement tags { serviceId } values { ts value } }
}
"""

ENVIRONMENT = """
query Environment($project: String!, $environment: String!, $services: String, $volumes: String) {
  environment(id: $environment, projectId: $project) {
    serviceInstances(first: 50, after: $services) {
      edges { node { serviceId activeDeployments { status instances { status } } } }
      pageInfo { hasNextPage endCursor }
    }
    volumeInstances(first: 50, after: $volumes) {
      edges { node { id serviceId state currentSizeMB sizeMB } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

HTTP = """
query Answers($environment: String!, $service: String!, $from: DateTime!, $to: DateTime!, $step: Int!) {
  httpDurationMetrics(
    environmentId: $environment, serviceId: $service, startDate: $from, endDate: $to, stepSeconds: $step
  ) { samples { ts p50 p90 p95 p99 } }
  httpMetricsGroupedByStatus(
    environmentId: $environment, serviceId: $service, startDate: $from, endDate: $to, stepSeconds: $step
  ) { statusCode samples { ts value } }
}
"""

PROJECT = "query Project($project: String!) { project(id: $project) { primaryEnvironmentId } }"
WHOSE = "query Token { apiToken { workspaces { id name } } }"
WHOSE_PROJECT = "query ProjectToken { projectToken { environmentId project { name } } }"


def stamp(at: datetime) -> str:
    """Return a time as the API's DateTime has it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
