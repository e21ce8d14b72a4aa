import { useEffect, useState } from "react";

const places = [
  { file: "src/App.tsx", text: "This page. Components go beside it." },
  { file: "src/index.css", text: "Tailwind CSS and your own styles." },
  { file: "worker/index.ts", text: "The API: everything below /api." },
];

export function App() {
  return (
    <main className="mx-auto flex min-h-dvh max-w-2xl flex-col justify-center gap-10 px-6 py-16">
      <header>
        <p className="text-sm font-medium text-indigo-700 dark:text-indigo-300">Web app</p>
        <h1 className="mt-3 text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
          A blank page, ready to become something.
        </h1>
        <p className="mt-4 text-lg text-pretty text-stone-600 dark:text-stone-300">
          React, TypeScript and Tailwind CSS, with a small API behind them. Say in the chat what you
          want to build; this page changes while you watch.
        </p>
      </header>

      <section aria-labelledby="places">
        <h2 id="places" className="text-sm font-medium text-stone-600 dark:text-stone-300">
          Where things are
        </h2>
        <dl className="mt-3 divide-y divide-stone-200 rounded-2xl border border-stone-200 bg-white dark:divide-stone-800 dark:border-stone-800 dark:bg-stone-900">
          {places.map(({ file, text }) => (
            <div key={file} className="flex flex-col gap-x-6 gap-y-1 px-5 py-4 sm:flex-row">
              <dt className="w-40 shrink-0 font-mono text-sm leading-6">{file}</dt>
              <dd className="text-stone-600 dark:text-stone-300">{text}</dd>
            </div>
          ))}
        </dl>
      </section>

      <ApiStatus />
    </main>
  );
}

/** Asks the worker once and says what came back. */
function ApiStatus() {
  const [answer, setAnswer] = useState<string>();
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    const abort = new AbortController();
    fetch("/api/hello", { signal: abort.signal })
      .then(async (response) => {
        if (!response.ok) throw new Error(`status ${response.status}`);
        const body: { message: string } = await response.json();
        setAnswer(body.message);
      })
      .catch(() => {
        if (!abort.signal.aborted) setFailed(true);
      });
    return () => abort.abort();
  }, []);

  return (
    <p role="status" className="flex items-center gap-3 text-sm text-stone-600 dark:text-stone-300">
      <span
        aria-hidden="true"
        className={`size-2 rounded-full ${failed ? "bg-red-500" : answer ? "bg-emerald-500" : "bg-stone-400"}`}
      />
      {failed ? "/api/hello does not answer." : answer ? `/api/hello says: ${answer}` : "Asking /api/hello…"}
    </p>
  );
}
