import { type ReactNode, useEffect, useState } from "react";
import { setSingleKeys, singleKeysOn } from "@/commands";
import { keepSpoken, readSpoken, type Spoken } from "@/lib/spoken";
import { applyTheme, followTheme, readTheme, type Theme } from "@/lib/theme";
import type { User } from "@/sync";
import { Button, Segmented } from "@/ui";

const themes = [
  { value: "system", label: "System" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

const spokenParts = [
  { value: "steps", label: "Answers and steps" },
  { value: "answers", label: "Answers" },
  { value: "off", label: "Off" },
] as const;

const onOff = [
  { value: "on", label: "On" },
  { value: "off", label: "Off" },
] as const;

/** Who is signed in, and how the page looks and listens in this browser. */
export function AccountView({ user, onSignOut }: { user: User; onSignOut(): void }) {
  const [theme, setTheme] = useState<Theme>(readTheme);
  const [keys, setKeys] = useState(singleKeysOn);
  const [spoken, setSpoken] = useState<Spoken>(readSpoken);
  useEffect(() => followTheme(setTheme), []);
  return (
    <div className="flex flex-col gap-10">
      <Section title="Account">
        <Row
          label={user.isAnonymous ? "Guest" : (user.name ?? "Email")}
          note={user.isAnonymous ? "Your work is kept in this browser only." : user.email}
        >
          <Button onClick={onSignOut}>Sign out</Button>
        </Row>
      </Section>
      <Section title="This browser">
        <Row label="Theme" note="System follows your device.">
          <Segmented
            label="Theme"
            value={theme}
            options={[...themes]}
            onChange={(next) => {
              applyTheme(next);
              setTheme(next);
            }}
          />
        </Row>
        <Row label="Single-letter keys" note="Such as / for the prompt and ? for the list of keys.">
          <Segmented
            label="Single-letter keys"
            value={keys ? "on" : "off"}
            options={[...onOff]}
            onChange={(next) => {
              setSingleKeys(next === "on");
              setKeys(next === "on");
            }}
          />
        </Row>
        <Row label="Screen reader" note="What it is told while a run works. Failures are always told.">
          <Segmented
            label="Screen reader"
            value={spoken}
            options={[...spokenParts]}
            onChange={(next) => {
              keepSpoken(next);
              setSpoken(next);
            }}
          />
        </Row>
      </Section>
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h2 className="mb-3 text-section font-semibold">{title}</h2>
      <div className="divide-y divide-line rounded-card border border-line bg-surface">{children}</div>
    </section>
  );
}

function Row({ label, note, children }: { label: string; note?: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-40 flex-1">
        <p className="text-body font-medium">{label}</p>
        {note !== undefined && <p className="text-step wrap-anywhere text-ink-2">{note}</p>}
      </div>
      {children}
    </div>
  );
}
