package workerd

import (
	"regexp"
	"strings"
	"sync"
	"time"
)

// journalBytes is how much of an app's log is kept.
const journalBytes = 64 << 10

// journal is the log of one app over all its processes: what they wrote, and
// notes of ours on why each ended. It is in memory, so a restart forgets it.
type journal struct {
	mu   sync.Mutex
	text string
}

// add appends text, which may be of any size and hold anything.
func (j *journal) add(text string) {
	if text == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = lastBytes(j.text+strings.TrimSuffix(text, "\n")+"\n", journalBytes)
}

// note appends a line of ours.
func (j *journal) note(now time.Time, line string) {
	j.add("[" + now.UTC().Format("2006-01-02 15:04:05") + "] " + line)
}

// with returns the log with more text behind it, without keeping that.
func (j *journal) with(text string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return lastBytes(j.text+text, journalBytes)
}

// lastBytes returns the last whole lines of text that fit.
func lastBytes(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	text = text[len(text)-limit:]
	if _, whole, ok := strings.Cut(text, "\n"); ok {
		return whole
	}
	return strings.ToValidUTF8(text, "")
}

// uncaught is what the runtime puts before an exception of the app's code.
var uncaught = regexp.MustCompile(`^workerd/\S+: error: Uncaught exception: (?:\S+: failed: )?(?:remote\.)?(?:jsg\.)?`)

// readable is the runtime's output as an app's author understands it: without
// the runtime's own addresses and source lines.
func readable(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		line = strings.TrimPrefix(line, "service app: ")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "stack: ") || strings.HasPrefix(line, "*** ") {
			continue
		}
		b.WriteString(uncaught.ReplaceAllString(line, "Uncaught "))
		b.WriteByte('\n')
	}
	return strings.ToValidUTF8(b.String(), "�")
}
