"""AWS: RDS, Aurora, ECS on Fargate, S3, SES, and what the account costs.

API     CloudWatch GetMetricData and ListMetrics; RDS DescribeDBInstances, DescribeDBClusters and
        DescribeDBParameters; ECS DescribeServices and DescribeTaskDefinition; Auto Scaling
        DescribeScalableTargets; SES GetAccount and GetSendStatistics; Cost Explorer GetCostAndUsage. Signed
        by botocore, sent by our own client (docs/decisions/signed-requests-to-aws.md).
Token   an access key, or what botocore finds (environment, profile, role), with the policy of the product's
        part in docs/providers/aws.md. None of it reads data.
Quirks  A wrong name, dimension or region is answered with nothing and no error: a gap says so, never a zero.
        Only whole periods are read, the last ten minutes again. CPU of RDS is over all vCPUs: the baseline
        of a burstable class (t3, t4g) is in no API, its credits stand in the evidence. Memory in use is the
        class' documented memory less what is free, an estimate. AWS tells no max_connections where it is a
        formula. Sizes of S3 come once a day and up to two days late; the newest is said again as an estimate.
        CPU of ECS is over the reservation, memory that of the worst task. Hours of Fargate are counted from
        CloudWatch's samples, one a task a minute. SES counts recipients over rolling 24 hours; bounces are
        put on the hour of their report. Cost Explorer costs $0.01 a request: it is asked twice a day and
        then repeats itself.
        Not confirmed: that CloudWatch counts one sample a task a minute (users see it so, AWS' pages no
        longer say it); whether a time of SES begins or ends its quarter of an hour; rate limits. STS has no
        description among those that samples are held to.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from advisor.collectors.aws.ask import Api
from advisor.collectors.aws.aurora import CLUSTERS, aurora
from advisor.collectors.aws.cloudwatch import DATA, LIST
from advisor.collectors.aws.cost import COST, cost
from advisor.collectors.aws.ecs import SCALING, SERVICES, TASKS, ecs
from advisor.collectors.aws.keys import keys
from advisor.collectors.aws.rds import INSTANCES, PARAMETERS, rds
from advisor.collectors.aws.s3 import s3
from advisor.collectors.aws.ses import ACCOUNT, STATISTICS, ses
from advisor.core.metrics import VOCABULARY
from advisor.errors import InputError
from advisor.polling.contract import About, Access, Answer, Budget, Poll, Tier, Verified

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "verify"]

PROVIDER = "aws"
_Named = TypeVar("_Named", str, tuple[str, ...])
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "cpu", "memory", "connections", "disk_used", "disk_size", "storage", "instances", "restricted",
        "backup_age", "replication_lag", "transaction_id_age", "cache_hit_rate", "operations",
        "compute_hours", "gb_hours", "requests", "class_a_operations", "class_b_operations", "egress",
        "error_rate", "response_time", "emails", "cost",
    )
)  # fmt: skip
SCOPES = (
    DATA, LIST, INSTANCES, CLUSTERS, PARAMETERS, SERVICES, TASKS, SCALING, ACCOUNT, STATISTICS, COST,
)  # fmt: skip
INTERVAL = 900.0
ABOUT = About(
    title="AWS",
    access=(
        Access(
            Tier.READ,
            f"{DATA}, {LIST}",
            "CPU, memory, connections, disks, sizes, requests",
            "all metrics of the account: names of resources and how much they do, no data",
        ),
        Access(
            Tier.READ,
            f"{INSTANCES}, {CLUSTERS}, {PARAMETERS}",
            "state, class, disk and its limit, age of the backup, max_connections where it is a number",
            "names, addresses, versions and settings of databases, no password and no row",
        ),
        Access(
            Tier.READ,
            f"{SERVICES}, {TASKS}, {SCALING}",
            "tasks that run, what they reserve, and how many there may be",
            "task definitions with their plain environment variables: keep secrets out of those",
        ),
        Access(
            Tier.READ,
            f"{ACCOUNT}, {STATISTICS}",
            "sending quota, restrictions, e-mails sent and bounced",
            "how much mail is sent and the contact of the account, no address and no mail",
        ),
        Access(
            Tier.READ, COST, "what each day cost, by service", "the account's costs; a request costs $0.01"
        ),
    ),
    products=("rds", "aurora", "ecs-fargate", "s3", "ses"),
    spec="aws/cloudwatch-2010-08-01-cut.json",
    open=(
        "that CloudWatch counts one sample a task a minute",
        "whether a time of SES' statistics begins or ends its quarter of an hour",
        "rate limits",
    ),
    dashboard="https://console.aws.amazon.com/cloudwatch/home",
    delay="a few minutes; sizes of S3 two days, costs one day",
    connect=(
        "Open IAM, Policies, Create policy, JSON, and paste the product's policy of docs/providers/aws.md.",
        "Better a role: attach it to the instance or task that the advisor runs on; nothing is then written.",
        "Else Users, Create user without console access, attach it, and create an access key.",
        "Put both halves into `access_key:` and `secret:` as ${NAME}, and the region into `region:`.",
        "Install the extra: pip install 'scaling-advisor[aws]'.",
    ),
    example={"access_key": "AKIAEXAMPLEEXAMPLE00", "secret": "an/example+of/a+secret+key"},
    budget=Budget(1500, 60.0, "account and region", "CloudWatch ListMetrics 25 a second, not confirmed"),
)


class Settings(BaseModel):
    """What advisor.yaml says about a service at AWS."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    access_key: str = Field("", description="An access key's id; empty: environment, profile, then role.")
    secret: SecretStr | None = Field(None, description="Its secret access key.")
    session_token: SecretStr | None = Field(None, description="For a temporary key, its session token.")
    profile: str = Field(
        "", description="A profile of the shared AWS configuration, where no key is written."
    )
    region: str = Field("", description="The region, such as eu-west-1; cost needs none.")
    database: str = Field("", description="For rds the instance's identifier, for aurora the cluster's.")
    cluster: str = Field("", description="For ecs-fargate, the cluster's name.")
    services: tuple[str, ...] = Field((), description="For ecs-fargate, the names of its services.")
    buckets: tuple[str, ...] = Field((), description="For s3, the names of buckets in that region.")
    tags: dict[str, str] = Field({}, description="For cost, cost allocation tags that all must fit.")
    base_url: str = Field("", description="Another address for all of AWS, such as an emulator's.")


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the service's product does; without a product, what the account costs.

    Raises:
        CollectError: AWS cannot be reached or refuses, and nothing was measured.
        InputError: The extra `aws` is missing, there is no such product here, or what it needs is not named.
    """
    api = await _api(poll, settings)
    product = poll.service.provider.removeprefix(PROVIDER).removeprefix("-")
    match product:
        case "rds":
            return await rds(api, _needed(settings.database, "database", product))
        case "aurora":
            return await aurora(api, _needed(settings.database, "database", product))
        case "ecs" | "ecs-fargate":
            cluster = _needed(settings.cluster, "cluster", product)
            return await ecs(api, cluster, _needed(settings.services, "services", product))
        case "s3":
            return await s3(api, _needed(settings.buckets, "buckets", product))
        case "ses":
            return await ses(api)
        case "" | "cost":
            return await cost(api, settings.tags)
    raise InputError(
        f"there is no collector for `aws-{product}`; use rds, aurora, ecs-fargate, s3, ses or cost, "
        "or state its figures by hand",
        key="provider",
    )


async def verify(poll: Poll, settings: Settings) -> Verified:
    """Return whose the key is; what it may do cannot be asked without further rights.

    Raises:
        CollectError: It is refused, or AWS cannot be reached.
        InputError: The extra `aws` is missing.
    """
    api = await _api(poll, settings)
    body = await api.query("sts", "GetCallerIdentity", "2011-06-15", {}, "sts:GetCallerIdentity")
    arn = body.text("Arn")
    return Verified(
        whose=arn, broad=("everything: it is the account's root",) if arn.endswith(":root") else ()
    )


def _needed(value: _Named, key: str, product: str) -> _Named:
    if not value:
        raise InputError(f"`aws-{product}` needs `{key}`: name what it is to look at", key=key)
    return value


async def _api(poll: Poll, settings: Settings) -> Api:
    found = await keys(settings.access_key, settings.secret, settings.session_token, settings.profile)
    return Api(poll, found, settings.region, settings.base_url)
