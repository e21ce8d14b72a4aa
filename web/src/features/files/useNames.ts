import { useEffect, useState } from "react";
import { api, type FileNode, useAction } from "@/sync";

/** All paths of the project, asked for when the filter is first used. */
export function useNames(projectId: string, wanted: boolean, changes: number): string[] | undefined {
  const tree = useAction(api.files.getFileTree);
  const [paths, setPaths] = useState<string[]>();
  useEffect(() => {
    if (!wanted) return;
    let stale = false;
    tree({ projectId, depth: 12, maxEntries: 4000 }).then(
      (nodes) => !stale && setPaths(flatten(nodes)),
      () => !stale && setPaths([]),
    );
    return () => {
      stale = true;
    };
  }, [tree, projectId, wanted, changes]);
  return paths;
}

function flatten(nodes: FileNode[] | FileNode): string[] {
  const out: string[] = [];
  const walk = (node: FileNode, above: string) => {
    const path = above === "" ? node.name : `${above}/${node.name}`;
    if (!node.isDir) out.push(path);
    else if (node.name !== ".git" && node.name !== "node_modules")
      for (const child of node.children ?? []) walk(child, path);
  };
  const roots = Array.isArray(nodes) ? nodes : (nodes.children ?? []);
  for (const node of roots) walk(node, "");
  return out;
}

/** Paths that hold all words, those whose name begins with the first one before the others. */
export function matching(paths: string[], filter: string): string[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const hit = paths.filter((p) => words.every((w) => p.toLowerCase().includes(w)));
  const rank = (p: string) =>
    p
      .slice(p.lastIndexOf("/") + 1)
      .toLowerCase()
      .startsWith(words[0] ?? "")
      ? 0
      : 1;
  return hit.sort((a, b) => rank(a) - rank(b) || a.length - b.length).slice(0, 200);
}
