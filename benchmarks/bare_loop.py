"""The reference: the least that a corrector in Python can do. Watch, compare, patch.

No fresh read, no precondition, no history, no status, no events, no restarts.
Usage: python -m benchmarks.bare_loop SERVER CA TOKEN NAMESPACE [IMAGE [apply]|record]
With an image it puts Deployments back to it; without, it follows PinnedReleases; with ``record`` it
writes the whole status ahead of each workload, as whoever promises that no record is lost must do.
With ``apply`` it applies the image on condition that the Deployment is as it was seen, as whoever
promises to own fields and to overwrite no newer state must do.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

from pinnedrelease.tls import client_context

STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
MERGE = {"Content-Type": "application/merge-patch+json"}
APPLY_PATCH = {"Content-Type": "application/apply-patch+yaml"}
OWNED = {"fieldManager": "bare-loop", "force": "true"}
RECORDED = {"fieldManager": "pinnedrelease-controller"}
"""As the operator, whose statuses it writes again: another manager would make them larger."""
RECORD, APPLY = "record", "apply"


async def run(
    server: str, authority: str, token: str, namespace: str, image: str = "", how: str = ""
) -> None:
    """Watch and patch in a namespace, for ever."""
    is_recording = image == RECORD
    image = "" if is_recording else image
    deployments = f"{server}/apis/apps/v1/namespaces/{namespace}/deployments"
    releases = f"{server}/apis/pinnedrelease.dev/v1alpha1/namespaces/{namespace}/pinnedreleases"
    connector = aiohttp.TCPConnector(ssl=client_context(authority_file=authority))
    headers = {"Authorization": f"Bearer {token}"}
    no_limit = aiohttp.ClientTimeout()
    watched = deployments if image else releases
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers, timeout=no_limit) as session,
        session.get(watched, params={"watch": "true"}) as events,
    ):
        print("watching", flush=True)
        async for line in events.content:
            found = json.loads(line)["object"]
            if image and found["spec"]["template"]["spec"]["containers"][0]["image"] == image:
                continue
            metadata = found["metadata"]
            if is_recording and found.get("status", {}).get("digest") == found["spec"]["digest"]:
                continue  # the echo of a record
            wanted = image or f"{found['spec']['repository']}@{found['spec']['digest']}"
            pod = {"containers": [{"name": "web", "image": wanted}]}
            change: dict[str, object] = {"spec": {"template": {"spec": pod}}}
            if is_recording:
                told = {**found["status"], "digest": found["spec"]["digest"]}
                record = json.dumps({"status": told})
                status = f"{releases}/{metadata['name']}/status"
                async with session.patch(
                    status, params=RECORDED, data=record, headers=MERGE
                ) as answer:
                    await answer.read()
            url, query, kind = f"{deployments}/{metadata['name']}", {}, STRATEGIC
            if how == APPLY:
                seen = {one: metadata[one] for one in ("name", "uid", "resourceVersion")}
                change |= {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": seen}
                query, kind = OWNED, APPLY_PATCH
            body = json.dumps(change)
            async with session.patch(url, params=query, data=body, headers=kind) as answer:
                await answer.read()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:7]))
