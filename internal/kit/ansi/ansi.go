// Package ansi takes out of a program's output what is meant for a terminal:
// colours, movements of the cursor, titles and links. What the words say
// stays.
package ansi

import "regexp"

// escape is a control sequence (CSI), or an operating system command (OSC),
// which ends with BEL or with the string terminator.
var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)`)

// Strip returns s without escape sequences. One that is cut off at the end of
// s stays as it is.
func Strip(s string) string { return escape.ReplaceAllString(s, "") }
