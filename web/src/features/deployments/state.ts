import type { Deployment } from "@/sync";

export function isUnderWay(d: Deployment | undefined): boolean {
  return d !== undefined && ["queued", "starting", "building", "uploading"].includes(d.status);
}

export function isFailed(d: Deployment | undefined): boolean {
  return d?.status === "build_failed" || d?.status === "deploy_failed";
}

/** The newest deployment that answers, if there is one. */
export function liveOne(deployments: Deployment[]): Deployment | undefined {
  return deployments.find((d) => d.status === "deployed");
}

/** The last lines of a log. */
export function lastLines(log: string | undefined, n: number): string[] {
  return (log ?? "")
    .trimEnd()
    .split("\n")
    .filter((l, i, all) => l.trim() !== "" || i < all.length - 1)
    .slice(-n);
}
