package tools

import "strings"

// Hunk is one part of a patch, in the form that the timeline shows: lines
// begin with " ", "-" or "+"; starts count from 1.
type Hunk struct {
	OldStart int      `json:"oldStart"`
	OldLines int      `json:"oldLines"`
	NewStart int      `json:"newStart"`
	NewLines int      `json:"newLines"`
	Lines    []string `json:"lines"`
}

// contextLines stand around each change.
const contextLines = 3

// maxCells bounds the table of the longest common subsequence; past it the
// differing middle counts as replaced whole.
const maxCells = 4 << 20

// patch returns the hunks that turn before into after, never nil.
func patch(before, after string) []Hunk {
	a, b := splitLines(before), splitLines(after)
	ops := diffLines(a, b)
	hunks := []Hunk{}
	for i := 0; i < len(ops); {
		if ops[i].kind == ' ' {
			i++
			continue
		}
		start := max(0, i-contextLines)
		end, quiet := i, 0
		for end < len(ops) && quiet <= 2*contextLines {
			if ops[end].kind == ' ' {
				quiet++
			} else {
				quiet = 0
			}
			end++
		}
		end -= max(0, quiet-contextLines)
		hunks = append(hunks, hunk(ops[start:end], a, b))
		i = end
	}
	return hunks
}

// op is one line of a diff: its kind and its place in the old or new text.
type op struct {
	kind     byte
	old, new int
}

func hunk(ops []op, a, b []string) Hunk {
	h := Hunk{OldStart: ops[0].old + 1, NewStart: ops[0].new + 1}
	for _, o := range ops {
		switch o.kind {
		case ' ':
			h.OldLines++
			h.NewLines++
			h.Lines = append(h.Lines, " "+a[o.old])
		case '-':
			h.OldLines++
			h.Lines = append(h.Lines, "-"+a[o.old])
		case '+':
			h.NewLines++
			h.Lines = append(h.Lines, "+"+b[o.new])
		}
	}
	// As diff does: an empty side starts at the line before.
	if h.OldLines == 0 {
		h.OldStart--
	}
	if h.NewLines == 0 {
		h.NewStart--
	}
	return h
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// diffLines compares two texts line by line.
func diffLines(a, b []string) []op {
	var ops []op
	i, j := 0, 0
	for i < len(a) && j < len(b) && a[i] == b[j] {
		ops = append(ops, op{' ', i, j})
		i++
		j++
	}
	ea, eb := len(a), len(b)
	for ea > i && eb > j && a[ea-1] == b[eb-1] {
		ea--
		eb--
	}
	ops = append(ops, middle(a[i:ea], b[j:eb], i, j)...)
	for k := 0; ea+k < len(a); k++ {
		ops = append(ops, op{' ', ea + k, eb + k})
	}
	return ops
}

func middle(a, b []string, oi, oj int) []op {
	var ops []op
	if len(a)*len(b) > maxCells {
		for i := range a {
			ops = append(ops, op{'-', oi + i, oj})
		}
		for j := range b {
			ops = append(ops, op{'+', oi + len(a), oj + j})
		}
		return ops
	}
	// lcs[i][j] is the length of the longest common subsequence of a[i:], b[j:].
	width := len(b) + 1
	lcs := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lcs[i*width+j] = lcs[(i+1)*width+j+1] + 1
			} else {
				lcs[i*width+j] = max(lcs[(i+1)*width+j], lcs[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			ops = append(ops, op{' ', oi + i, oj + j})
			i++
			j++
		case j == len(b) || (i < len(a) && lcs[(i+1)*width+j] >= lcs[i*width+j+1]):
			ops = append(ops, op{'-', oi + i, oj + j})
			i++
		default:
			ops = append(ops, op{'+', oi + i, oj + j})
			j++
		}
	}
	return ops
}
