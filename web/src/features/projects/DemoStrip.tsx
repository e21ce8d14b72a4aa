import { FlaskConical } from "lucide-react";
import { CopyButton, linkButtonClass, Popover, Strip } from "@/ui";

const lines = "ANTHROPIC_API_KEY=sk-ant-…";

/** Says that no real model works here, and how to get one. */
export function DemoStrip() {
  return (
    <Strip
      label="Model"
      tone="warn"
      icon={<FlaskConical size={16} strokeWidth={1.75} aria-hidden />}
      action={
        <Popover
          label="Add a key"
          trigger={
            <button type="button" className={linkButtonClass}>
              Add a key
            </button>
          }
        >
          <p>
            Put this line into <code className="text-mono">.env.local</code> in the folder that Surgent was started in,
            and start it again:
          </p>
          <pre className="my-3 overflow-x-auto rounded-code border border-line bg-code px-3 py-2 text-mono">{lines}</pre>
          <CopyButton text={lines}>Copy</CopyButton>
        </Popover>
      }
    >
      Demo model: plays recorded builds.
    </Strip>
  );
}
