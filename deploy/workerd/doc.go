// Package workerd is the deploy target on this machine. Assets are served by
// deploy/assets from content-addressed files; an app that has code gets a
// workerd process in a Box of its own, started by the first request that needs
// it and stopped when nobody came for a while. An app without code never
// starts a process.
//
// A release is verified before it goes live: its worker must start and answer.
// What was live stays live until one pointer is swapped, and after a failure.
// Which release is live, and the last few, is kept on disk and survives a
// restart.
//
// The code is hostile as far as this package is concerned. It reaches the app's
// own files and public addresses, both through listeners of its box, so that
// neither headers nor addresses say who asks. workerd has no limits of its
// own: a watchdog kills a process whose event loop stands still, requests have
// a deadline for their first byte, and memory and CPU are the box's.
package workerd
