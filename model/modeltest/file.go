package modeltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"sync"
)

// File is the simple script language: a JSON text with rules. The first rule
// whose prompt pattern matches the newest prompt (and whose system pattern,
// when set, matches the system text) answers: its n-th answer goes to the
// n-th model call since that prompt. A call first gets the answer's faults,
// one per attempt. Past a rule's last answer, and without a rule, the reply is
// Else, or "Done.".
//
//	{"rules": [{"prompt": "(?i)todo list", "answers": [
//	  {"faults": [{"kind": "status", "status": 529}],
//	   "blocks": [{"text": "I will write it."},
//	              {"tool": "Write", "input": {"file_path": "a.txt", "content": "a"}}]},
//	  {"blocks": [{"text": "Written."}], "delay_ms": 20}]}]}
type File struct {
	Key    string   `json:"key,omitempty"`
	Models []string `json:"models,omitempty"`
	Window int      `json:"window,omitempty"`
	Rules  []Rule   `json:"rules"`
	Else   *Answer  `json:"else,omitempty"`
}

// Rule answers the prompts that match.
type Rule struct {
	Prompt  string       `json:"prompt"`
	System  string       `json:"system,omitempty"`
	Answers []FileAnswer `json:"answers"`
}

// FileAnswer is an Answer with the faults that come before it.
type FileAnswer struct {
	Answer
	Faults []Fault `json:"faults,omitempty"`
}

// ParseFile reads a script and returns the Config of a server that plays it.
func ParseFile(text []byte) (Config, error) {
	var f File
	if err := json.Unmarshal(text, &f); err != nil {
		return Config{}, fmt.Errorf("parse script: %w", err)
	}
	if len(f.Rules) == 0 && f.Else == nil {
		return Config{}, errors.New("parse script: no rules")
	}
	p := &player{file: f, attempts: map[string]int{}}
	for i, r := range f.Rules {
		prompt, err := regexp.Compile(r.Prompt)
		if err != nil {
			return Config{}, fmt.Errorf("parse script: rule %d: %w", i, err)
		}
		system, err := regexp.Compile(r.System)
		if err != nil {
			return Config{}, fmt.Errorf("parse script: rule %d: %w", i, err)
		}
		p.prompts, p.systems = append(p.prompts, prompt), append(p.systems, system)
	}
	return Config{Script: p.answer, Key: f.Key, Models: f.Models, Window: f.Window}, nil
}

type player struct {
	file             File
	prompts, systems []*regexp.Regexp

	mu       sync.Mutex
	attempts map[string]int // by rule, turn and length of the conversation
}

func (p *player) answer(r Request) Answer {
	for i, rule := range p.file.Rules {
		if !p.prompts[i].MatchString(r.Prompt) || !p.systems[i].MatchString(r.System) {
			continue
		}
		if r.Turn >= len(rule.Answers) {
			break
		}
		a := rule.Answers[r.Turn]
		key := fmt.Sprintf("%d/%d/%d/%s", i, r.Turn, len(r.Messages), r.Prompt)
		p.mu.Lock()
		n := p.attempts[key]
		p.attempts[key]++
		p.mu.Unlock()
		if n < len(a.Faults) {
			return Broken(a.Answer, a.Faults[n])
		}
		return a.Answer
	}
	if p.file.Else != nil {
		return *p.file.Else
	}
	return Text("Done.")
}
