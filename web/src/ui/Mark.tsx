/** The mark: two nodes on a rail with two strokes. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden className="shrink-0">
      <rect width="24" height="24" rx="5" className="fill-accent" />
      <g className="stroke-on-accent" strokeWidth="1.75" strokeLinecap="round" fill="none">
        <path d="M8 9.5v5" />
        <path d="M12 7.5h6M12 16.5h4" />
      </g>
      <g className="fill-on-accent">
        <circle cx="8" cy="7.5" r="2.4" />
        <circle cx="8" cy="16.5" r="2.4" />
      </g>
    </svg>
  );
}
