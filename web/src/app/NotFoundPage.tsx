import { landHere } from "@/lib/nav";
import { useTitle } from "@/lib/useTitle";
import { buttonClass, Link } from "@/ui";
import { ConnectionStrip } from "./ConnectionStrip";
import { Header } from "./Header";
import { UserMenu } from "./UserMenu";

/** For every address that leads nowhere; the same for what is missing and what is another person's. */
export function NotFoundPage({ what = "page" }: { what?: "page" | "project" }) {
  useTitle("Not found");
  return (
    <div className="flex min-h-dvh flex-col">
      <Header end={<UserMenu />} />
      <ConnectionStrip />
      <main
        ref={landHere}
        tabIndex={-1}
        className="mx-auto flex w-full max-w-[880px] flex-col items-start gap-4 px-6 pt-[min(20dvh,160px)] outline-none"
      >
        <h1 className="text-title font-semibold">
          {what === "project" ? "There is no such project, or it isn't yours." : "There is no such page."}
        </h1>
        <Link href="/" className={buttonClass("primary")}>
          Go to projects
        </Link>
      </main>
    </div>
  );
}
