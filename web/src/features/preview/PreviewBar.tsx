import { CircleAlert, Copy, ExternalLink, Globe, Lock, Monitor, RotateCw, Smartphone, Tablet } from "lucide-react";
import { type KeyboardEvent, useEffect, useState } from "react";
import { toAppPath } from "@/lib/place";
import { Button, CopyButton, IconButton, Menu, MenuChoice, MenuItem, MenuOption, MenuRule, Popover } from "@/ui";

const icon = { size: 16, strokeWidth: 1.75, "aria-hidden": true } as const;

export type FrameWidth = "full" | "768" | "390";

export type PreviewBarProps = {
  path: string;
  isPublic: boolean;
  /** The app is there: without it nothing can be opened. */
  ready: boolean;
  narrow: boolean;
  width: FrameWidth;
  size?: string;
  errors: string[];
  onGo(path: string): void;
  onReload(): void;
  onWidth(width: FrameWidth): void;
  onOpen(): void;
  onCopy(): void;
  onPublic(isPublic: boolean): void;
  onSend(): void;
};

/** The bar above the app, 44 px. */
export function PreviewBar(props: PreviewBarProps) {
  const { ready, narrow, width, size, errors } = props;
  const widths = [
    { id: "full", label: "Full width", icon: <Monitor {...icon} /> },
    { id: "768", label: "768 px wide", icon: <Tablet {...icon} /> },
    { id: "390", label: "390 px wide", icon: <Smartphone {...icon} /> },
  ] as const;
  return (
    <div className="flex h-11 shrink-0 items-center gap-1 border-b border-line bg-bg px-2 pointer-coarse:h-13 sm:px-3">
      <IconButton label="Reload" icon={<RotateCw {...icon} />} disabled={!ready} onClick={props.onReload} />
      <Address key={props.path} {...props} />
      {size && <span className="tabular px-1 text-meta text-ink-2">{size}</span>}
      {errors.length > 0 && <ErrorBadge errors={errors} onSend={props.onSend} />}
      {!narrow &&
        widths.map((w) => (
          <IconButton
            key={w.id}
            label={w.label}
            icon={w.icon}
            pressed={width === w.id}
            onClick={() => props.onWidth(w.id)}
          />
        ))}
      <IconButton
        label="Open in a new tab"
        icon={<ExternalLink {...icon} />}
        disabled={!ready}
        onClick={props.onOpen}
      />
    </div>
  );
}

/** Where the app is. Enter goes, Esc puts back what was there. */
function Address({ path, isPublic, ready, onGo, onCopy, onPublic }: PreviewBarProps) {
  const [text, setText] = useState(path);
  useEffect(() => setText(path), [path]);
  const onKeyDown = (e: KeyboardEvent<HTMLInputElement>) => {
    if (e.key === "Enter" && !e.nativeEvent.isComposing) {
      const to = toAppPath(text);
      setText(to);
      onGo(to);
    }
    if (e.key === "Escape") {
      e.preventDefault();
      setText(path);
      e.currentTarget.blur();
    }
  };
  const who = isPublic ? "Anyone with the address can see it" : "Only you can see it";
  return (
    <div className="touch-target flex h-8 min-w-0 flex-1 items-center rounded-field border border-line bg-surface focus-within:border-line-strong">
      <Menu
        trigger={
          <button
            type="button"
            aria-label={`${who}. Address menu`}
            className="inline-flex h-full shrink-0 items-center rounded-field px-2 text-ink-2 hover:text-ink pointer-coarse:px-3.5"
          >
            {isPublic ? <Globe {...icon} /> : <Lock {...icon} />}
          </button>
        }
      >
        <MenuChoice value={isPublic ? "public" : "private"} onChange={(v) => onPublic(v === "public")}>
          <MenuOption value="private">Only you can see it</MenuOption>
          <MenuOption value="public">Anyone with the address can see it</MenuOption>
        </MenuChoice>
        <MenuRule />
        <MenuItem icon={<Copy {...icon} />} disabled={!ready} onSelect={onCopy}>
          Copy the address
        </MenuItem>
      </Menu>
      <input
        value={text}
        disabled={!ready}
        onChange={(e) => setText(e.target.value)}
        onKeyDown={onKeyDown}
        onBlur={() => setText(path)}
        aria-label="Path in the app"
        spellCheck={false}
        autoCapitalize="off"
        autoCorrect="off"
        className="touch-text h-full min-w-0 flex-1 rounded-field bg-transparent pr-2 font-mono text-mono outline-none disabled:text-ink-2"
      />
    </div>
  );
}

/** A build error that the dev server reports now. */
function ErrorBadge({ errors, onSend }: { errors: string[]; onSend(): void }) {
  return (
    <Popover
      label="Error of the dev server"
      className="w-[min(480px,calc(100vw-24px))]"
      trigger={
        <button
          type="button"
          className="touch-target inline-flex h-8 shrink-0 items-center gap-2 rounded-field bg-bad-soft px-3 text-step font-medium text-bad"
        >
          <CircleAlert {...icon} />1 error
        </button>
      }
    >
      <pre
        className="max-h-60 overflow-y-auto rounded-field border border-line bg-code px-3 py-2 text-mono break-words whitespace-pre-wrap"
        tabIndex={0}
        aria-label="Lines of the error"
      >
        {errors.join("\n")}
      </pre>
      <div className="mt-3 flex gap-2">
        <Button onClick={onSend}>Send to agent</Button>
        <CopyButton look="quiet" text={errors.join("\n")}>
          Copy
        </CopyButton>
      </div>
    </Popover>
  );
}
