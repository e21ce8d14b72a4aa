// An explicit sign-out goes to the sign-in page; a session that ended by itself keeps the page under a dialog. The mark
// lives as long as the page does, and signing in again loads no new page, so it is taken back then.
let signingOut = false;

export function markLeaving(on: boolean): void {
  signingOut = on;
}

/** Whether the present sign-out was asked for on this page. */
export function leaving(): boolean {
  return signingOut;
}
