import type { ComponentProps } from "react";
import { Link as RouterLink } from "wouter";

export type LinkProps = Omit<ComponentProps<"a">, "href"> & { href: string };

/** A link to another screen of this page; it opens in a new tab like any link. */
export function Link({ href, ...rest }: LinkProps) {
  return <RouterLink href={href} {...rest} />;
}

/** The look of a link within text. */
export const linkClass = "text-accent-text underline decoration-1 underline-offset-2 hover:decoration-2";
