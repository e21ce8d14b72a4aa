/** A sketch of what the template makes; a picture of the preview takes its place in time. */
export function TemplateIcon({ slug }: { slug: string | undefined }) {
  return (
    <span
      aria-hidden
      className="flex h-12 w-18 shrink-0 flex-col gap-1 overflow-hidden rounded-icon border border-line bg-surface p-2 max-sm:hidden"
    >
      {slug === "static-page" ? (
        <>
          <span className="h-1.5 w-6 rounded-full bg-ink-3" />
          <span className="flex-1 rounded-[2px] bg-line" />
          <span className="h-1 w-full rounded-full bg-line" />
        </>
      ) : (
        <>
          <span className="h-1.5 w-8 rounded-full bg-ink-3" />
          <span className="h-1 w-full rounded-full bg-line" />
          <span className="h-1 w-full rounded-full bg-line" />
          <span className="h-1 w-9 rounded-full bg-line" />
        </>
      )}
    </span>
  );
}
