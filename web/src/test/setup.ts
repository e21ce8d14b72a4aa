import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// Tests of pure code may run without a page (`@vitest-environment node`).
if (typeof window !== "undefined") {
  afterEach(() => {
    cleanup();
    localStorage.clear();
    sessionStorage.clear();
    document.title = "";
    delete document.documentElement.dataset.theme;
  });
  // The first screen of a file is transformed while it is waited for; on a busy machine that takes its time.
  configure({ asyncUtilTimeout: 10_000 });
  fillIn();
}

/** What jsdom lacks and the page needs. A test that depends on a width sets its own. */
function fillIn() {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  window.matchMedia ??= (query: string) =>
    ({
      matches: query.includes("min-width"),
      media: query,
      addEventListener() {},
      removeEventListener() {},
      addListener() {},
      removeListener() {},
      dispatchEvent: () => false,
      onchange: null,
    }) satisfies MediaQueryList;
  Element.prototype.scrollIntoView ??= () => {};
  // The editor measures its text.
  Range.prototype.getClientRects ??= () => [] as unknown as DOMRectList;
  Range.prototype.getBoundingClientRect ??= () => new DOMRect();
  Element.prototype.hasPointerCapture ??= () => false;
  Element.prototype.setPointerCapture ??= () => {};
  Element.prototype.releasePointerCapture ??= () => {};
}
