//go:build !linux || !(amd64 || arm64) || no_runsc

package main

// maybeRunsc does nothing in builds without gVisor.
func maybeRunsc() {}

// hasRunsc tells whether this binary carries the sandbox's isolation engine.
const hasRunsc = false
