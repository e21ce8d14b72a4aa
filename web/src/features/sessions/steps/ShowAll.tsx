import { linkButtonClass } from "@/ui";

export function ShowAll({ count, what = "lines", onClick }: { count: number; what?: string; onClick(): void }) {
  return (
    <p className="step-note">
      <button type="button" data-grows className={linkButtonClass} onClick={onClick}>
        Show all {count.toLocaleString("en-US")} {what}
      </button>
    </p>
  );
}
