// An explicit sign-out goes to the sign-in page, in every tab of the browser; a session that ended by itself keeps the
// page under a dialog. The mark is kept where all tabs see it, and taken back when somebody signs in.
const key = "surgent.left";
let here = false;

export function markLeaving(on: boolean): void {
  here = on;
  try {
    if (on) localStorage.setItem(key, "1");
    else localStorage.removeItem(key);
  } catch {
    // Storage is blocked: other tabs take it for a session that ended.
  }
}

/** Whether the present sign-out was asked for, on this page or in another tab. */
export function leaving(): boolean {
  try {
    return here || localStorage.getItem(key) !== null;
  } catch {
    return here;
  }
}
