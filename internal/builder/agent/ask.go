package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/model"
)

// ask gets the next answer of the model into the journal, over as many
// attempts as it takes. It returns how the run ended when there is no answer.
func (t *task) ask() (*outcome, error) {
	t.touch()
	n := t.cur.Run.Step + 1
	if last := lastStep(t.cur.Steps); last != nil && last.Status != StepDone {
		n = last.N // an attempt before a crash was not the end of this step
	}
	info := t.describe()
	for attempt := 1; ; attempt++ {
		req, size, err := t.request(info)
		if err != nil {
			return nil, err
		}
		assumed := t.spent(model.Usage{InputTokens: size})
		var id StepID
		if err := t.mutate(t.ctx, "agent:stepStarted", stepStartedArgs{t.fence, t.cur.Run.ID, n, attempt, assumed}, &id); err != nil {
			return nil, err
		}
		t.cur.Run.Step = n
		t.Moment("asked")
		got := t.listen(req)
		if got.done != nil {
			return nil, t.answered(id, n, got, StepDone)
		}
		if cause := context.Cause(t.ctx); cause != nil {
			return nil, cause
		}
		if errors.Is(context.Cause(t.live), errStopped) {
			got.done = got.partial(t.cur.Run.Model)
			if err := t.answered(id, n, got, StepStopped); err != nil {
				return nil, err
			}
			return nil, errStopped
		}
		again, end, err := t.failed(id, attempt, got)
		if err != nil || end != nil {
			return end, err
		}
		if err := clock.Sleep(t.live, again); err != nil {
			return nil, err
		}
	}
}

func lastStep(all []Step) *Step {
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1]
}

func (t *task) describe() model.Info {
	if d, ok := t.Model.(interface{ Describe(id string) model.Info }); ok {
		return d.Describe(t.cur.Run.Model)
	}
	return t.Model.Info()
}

// request builds the conversation from the journal, and says about how many
// tokens it has.
func (t *task) request(info model.Info) (req model.Request, tokens int64, err error) {
	h, err := build(t.entries, t.cur.Run.Model, t.content)
	if err != nil {
		return model.Request{}, 0, err
	}
	h.trim(t.trimmed)
	tokens = h.tokens(t.system, t.set.Specs())
	if info.ContextWindow > 0 && float64(tokens) > trimAtWindowPart*float64(info.ContextWindow) {
		t.trimmed = len(h.results) - keepResults
		h.trim(t.trimmed)
		tokens = h.tokens(t.system, t.set.Specs())
	}
	return model.Request{
		Model: t.cur.Run.Model, System: t.system, Messages: h.messages, Tools: t.set.Specs(),
		UserID: string(t.fence.ProjectID),
	}, tokens, nil
}

// heard is what came of one attempt.
type heard struct {
	done  *model.Done
	start model.Start
	texts []string // of the blocks so far, "" for those that are no text
	took  []time.Duration
	bytes int // of all deltas
	err   error
}

// listen sends a request and shows the answer while it comes.
func (t *task) listen(req model.Request) heard {
	var h heard
	show := &live{hub: t.Streams, key: streamKey(t.cur.Run.ID), redact: t.redact, now: t.Now}
	defer show.end()
	kinds, began := []string{}, t.Now()
	for ev, err := range t.Model.Stream(t.live, req) {
		if err != nil {
			h.err = err
			return h
		}
		switch e := ev.(type) {
		case model.Start:
			h.start = e
		case model.BlockStart:
			kinds, h.texts, h.took = append(kinds, e.Type), append(h.texts, ""), append(h.took, 0)
			began = t.Now()
		case model.Delta:
			h.bytes += len(e.Text)
			if e.Index < len(kinds) && kinds[e.Index] == "text" {
				h.texts[e.Index] += e.Text
			}
			t.Moment("delta")
		case model.BlockStop:
			if e.Index < len(h.took) {
				h.took[e.Index] = t.Now().Sub(began)
			}
		case model.Done:
			h.done = &e
			return h
		}
		show.take(ev)
	}
	h.err = model.ErrIncomplete
	return h
}

// usage estimates what an attempt without an end has cost: its input is
// billed, and what was sent of its answer.
func (h heard) usage() model.Usage {
	u := h.start.Usage
	u.OutputTokens = max(u.OutputTokens, int64(float64(h.bytes)/bytesPerToken))
	return u
}

// partial is the text of an answer that the person cut off.
func (h heard) partial(name string) *model.Done {
	d := &model.Done{Message: model.Message{Role: model.Assistant}, MessageID: h.start.MessageID, Model: name, Usage: h.usage()}
	for _, text := range h.texts {
		if text = strings.TrimRight(text, " \n\t\r"); text != "" {
			d.Message.Content = append(d.Message.Content, textBlock(text))
		}
	}
	return d
}

// spent prices a usage.
func (t *task) spent(u model.Usage) Spent {
	s := Spent{
		InputTokens: u.InputTokens, OutputTokens: u.OutputTokens,
		CacheReadInputTokens: u.CacheReadInputTokens, CacheCreationInputTokens: u.CacheCreationInputTokens,
	}
	if p := t.describe().Price; p != nil {
		cost := p.Cost(u)
		s.CostUSD = &cost
	}
	return s
}

// answered journals an answer with its row and its calls.
func (t *task) answered(id StepID, n int, got heard, status StepStatus) error {
	d := got.done
	if d.StopReason == model.MaxTokens {
		d.Message.Content = withoutCutCall(d.Message.Content)
	}
	blocks, err := t.distinct(d.Message.Content, n)
	if err != nil {
		return err
	}
	for i, raw := range blocks {
		if clean := t.redact.text(string(raw)); clean != string(raw) && len(withoutThinking(blocks[i:i+1])) > 0 {
			blocks[i] = json.RawMessage(clean) // thinking is signed, and is shown to nobody but its model
		}
	}
	d.Message.Content = blocks
	args := stepDoneArgs{
		fenced: t.fence, RunID: t.cur.Run.ID, StepID: id, Status: status, MessageID: d.MessageID, Model: t.cur.Run.Model,
		StopReason: string(d.StopReason), Usage: t.spent(d.Usage), Calls: []callPlan{},
	}
	raw := mustJSON(blocks)
	if blocks == nil {
		raw = json.RawMessage("[]")
	}
	if len(raw) > maxRaw {
		if args.Blob, err = t.store(t.cur.Run.ID, raw); err != nil {
			return err
		}
	} else {
		args.Raw = string(raw)
	}
	for _, c := range callsIn(blocks) {
		plan := callPlan{ToolUseID: c.ID, Name: c.Name, Class: string(t.set.ClassOf(c.Name))}
		if args.Blob == "" {
			plan.Input = string(c.Input)
		}
		args.Calls = append(args.Calls, plan)
	}
	if len(blocks) > 0 {
		row, err := assistantRow(&t.cur.Run, d, got.took, status == StepStopped)
		if err != nil {
			return err
		}
		args.Row = t.storable(row)
	}
	var planned []Call
	if err := t.mutate(t.ctx, "agent:stepDone", args, &planned); err != nil {
		return err
	}
	t.cur.Steps = append(t.cur.Steps, Step{
		ID: id, RunID: t.cur.Run.ID, N: n, Status: status, MessageID: d.MessageID, Model: t.cur.Run.Model,
		Raw: args.Raw, Blob: args.Blob, StopReason: args.StopReason,
	})
	t.cur.Calls = append(t.cur.Calls, planned...)
	t.cur.Run.Spent = t.cur.Run.Spent.plus(args.Usage)
	if args.Blob != "" {
		return t.fillInputs()
	}
	t.Moment("answered")
	return nil
}

// withoutCutCall drops a call at the end of an answer that the output limit
// cut off: its input may be a part of what was meant.
func withoutCutCall(blocks []json.RawMessage) []json.RawMessage {
	if n := len(blocks); n > 0 && len(callsIn(blocks[n-1:])) > 0 {
		return blocks[:n-1]
	}
	return blocks
}

var callID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,100}$`)

// distinct gives calls whose id was used before in this session, or is no id,
// one of their own: ids name results, and sessions in the sandbox.
func (t *task) distinct(blocks []json.RawMessage, n int) ([]json.RawMessage, error) {
	used := map[string]bool{}
	for _, e := range t.entries {
		for _, c := range e.Calls {
			used[c.ToolUseID] = true
		}
	}
	for i, raw := range blocks {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return nil, fmt.Errorf("decode block: %w", err)
		}
		var c callBlock
		if err := json.Unmarshal(raw, &c); err != nil || c.Type != "tool_use" {
			continue // a block of another shape has no id of a call
		}
		if used[c.ID] || !callID.MatchString(c.ID) {
			c.ID = fmt.Sprintf("call_%s_%d_%d", t.cur.Run.ID, n, i)
			fields["id"] = mustJSON(c.ID)
			blocks[i] = mustJSON(fields)
		}
		used[c.ID] = true
	}
	return blocks, nil
}
