"""Pages and errors of a listing, as XML. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from advisor.polling.contract import (
    CollectError,
    Forbidden,
    Throttled,
    TokenRefused,
    Unexpected,
    Unreachable,
)
from advisor.polling.reply import Reply, plain, retry_after

__all__ = ["Page", "page_of", "refusal"]

_ROOTS = {"ListBucketResult": "Contents", "ListVersionsResult": "Version"}
_WRONG_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
_BUSY = {"SlowDown", "RequestLimitExceeded", "Throttling", "TooManyRequests"}


@dataclass(frozen=True, slots=True)
class Page:
    """Objects of a page and their bytes; `next` is the query that gets the page after, empty: the end."""

    objects: int
    size: float
    next: Mapping[str, str] = field(default_factory=dict)


def page_of(body: bytes, where: str) -> Page:
    """Read a page; several stores leave out the namespace, so names alone count.

    Raises:
        Unexpected: It is no listing.
    """
    root = _tree(body, where)
    item = _ROOTS.get(_name(root))
    if item is None:
        raise Unexpected(f"{where} answered `{plain(_name(root), 40)}`, not a listing: check `base_url`")
    size = 0.0
    found = [one for one in root if _name(one) == item]
    for place, one in enumerate(found):
        text = _text(one, "Size")
        if not text.isdecimal():
            raise Unexpected(f"{where}: `{_name(root)}.{item}[{place}].Size` is missing or no number")
        size += int(text)
    return Page(len(found), size, _next(root, found, where))


def _next(root: ET.Element, found: list[ET.Element], where: str) -> Mapping[str, str]:
    if _text(root, "IsTruncated") != "true":
        return {}
    if token := _text(root, "NextContinuationToken"):
        return {"continuation-token": token}
    if _name(root) == "ListVersionsResult" and (marker := _text(root, "NextKeyMarker")):
        version = _text(root, "NextVersionIdMarker")
        return {"key-marker": marker, **({"version-id-marker": version} if version else {})}
    if found and (last := _text(found[-1], "Key")) and _name(root) == "ListBucketResult":
        return {"start-after": last}  # A store that knows no tokens.
    raise Unexpected(
        f"{where}: `{_name(root)}.NextContinuationToken` is missing in a page that is not the last"
    )


def refusal(reply: Reply) -> CollectError:
    """Return the error that a refused request means, by the code in its body."""
    where = reply.where
    try:
        code = _text(_tree(reply.body, where), "Code")
    except Unexpected:
        code = ""
    said = f"{where} answered {reply.status}{f' ({plain(code, 40)})' if code else ''}"
    if code in _BUSY or reply.status == 429:
        at = retry_after(reply.headers.get("retry-after", ""), reply.now)
        return Throttled(f"{said}: asked too often; it is asked again", at)
    if code in _WRONG_KEY or reply.status == 401:
        return TokenRefused(f"{said}: the key is wrong or expired; put a valid one in place")
    if code == "RequestTimeTooSkewed":
        return Unexpected(f"{said}: the clock here is more than a quarter of an hour off; set it right")
    if code in {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}:
        return Unexpected(f"{said}: the bucket is in another region; write it as `region`")
    if code == "NoSuchBucket":
        return Unexpected(f"{said}: there is no such bucket; check `bucket` and `base_url`")
    if code == "NotImplemented" or reply.status in {405, 501}:
        return Unexpected(f"{said}: the store cannot list so; leave `versions` out")
    if reply.status == 403:
        return Forbidden(f"{said}: the key lacks the right `{reply.right}`; grant it", reply.right)
    if reply.status >= 500:
        return Unreachable(f"{said}: the store is in trouble; it is asked again")
    return Unexpected(f"{said}: check `base_url` and `bucket`")


def _tree(body: bytes, where: str) -> ET.Element:
    # Entities are how XML attacks its reader, and no listing has a document type.
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Unexpected(f"{where} sent XML with a document type, which no listing has")
    try:
        return ET.fromstring(body)  # noqa: S314 - entities were refused above
    except ET.ParseError:
        raise Unexpected(f"{where} answered what is not XML: check that `base_url` is the S3 API") from None


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ET.Element, name: str) -> str:
    for one in element:
        if _name(one) == name:
            return (one.text or "").strip() if name != "Key" else (one.text or "")
    return ""
