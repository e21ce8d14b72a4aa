import { stripAnsi } from "@/lib/ansi";
import { CopyButton } from "@/ui";
import { parsePatch, stepWords, type Step } from "@/lib/timeline";
import { DiffView } from "./DiffView";
import { Excerpt } from "./Excerpt";
import { HitsView } from "./HitsView";
import { KeyValues } from "./KeyValues";
import { LiveOutput } from "./LiveOutput";
import { OutputView } from "./OutputView";

/** What stands under an opened step: what it did, in the form that suits its tool; never raw JSON. */
export function StepDetails({ step }: { step: Step }) {
  const { path } = stepWords(step);
  if (step.name === "Bash") return <BashDetails step={step} />;
  if (step.state === "failed" || step.state === "denied") return <ErrorDetails step={step} />;
  switch (step.name) {
    case "Edit":
    case "MultiEdit":
    case "Write":
      return step.result ? <DiffView lines={parsePatch(step)} name={path} /> : null;
    case "Read":
      return <ReadDetails step={step} name={path} />;
    case "LS":
    case "Glob":
    case "Grep":
      return step.result ? <HitsView text={step.result.text} /> : null;
    default:
      return <OtherDetails step={step} />;
  }
}

/** False where opening a step would show nothing. */
export function hasDetails(step: Step): boolean {
  if (step.state === "next") return false;
  if (step.name === "Bash" || step.result) return true;
  return !["Read", "LS", "Glob", "Grep", "Edit", "MultiEdit", "Write"].includes(step.name);
}

function BashDetails({ step }: { step: Step }) {
  const command = typeof step.input.command === "string" ? stripAnsi(step.input.command).trim() : "";
  const long = command.includes("\n") || command.length > 60;
  return (
    <>
      {long && (
        <pre className="code-box px-3 text-ink-2">
          <code>{command}</code>
        </pre>
      )}
      {step.result ? <OutputView text={bashOutput(step)} /> : <LiveOutput toolUseId={step.key} />}
    </>
  );
}

function bashOutput(step: Step): string {
  const data = (step.result?.data ?? {}) as { stdout?: unknown; stderr?: unknown };
  const both = [data.stdout, data.stderr].filter((t): t is string => typeof t === "string" && t !== "");
  if (both.length > 0) return both.map((t) => t.replace(/\n+$/, "")).join("\n");
  return (step.result?.text ?? "").replace(/^(Error: )?Exit code \d+\n?/, "").replace(/^\(no output\)$/i, "");
}

function ErrorDetails({ step }: { step: Step }) {
  const text = step.result?.text ?? "";
  return (
    <>
      <OutputView text={text} />
      <div className="step-note">
        <CopyButton text={text} size="sm">
          Copy
        </CopyButton>
      </div>
    </>
  );
}

function ReadDetails({ step, name }: { step: Step; name?: string }) {
  const data = (step.result?.data ?? {}) as { file?: { content?: unknown; startLine?: unknown } };
  if (typeof data.file?.content === "string") {
    return <Excerpt text={data.file.content} name={name} start={Number(data.file.startLine ?? 1)} />;
  }
  return step.result ? <OutputView text={step.result.text} /> : null;
}

function OtherDetails({ step }: { step: Step }) {
  return (
    <>
      <KeyValues values={step.input} />
      {step.result && <OutputView text={step.result.text} />}
    </>
  );
}
