package worker

import (
	"encoding/json"
	"errors"
	"sync"

	"pinhook/bridge"
)

var errEarly = errors.New("pinhook: the gateway cannot be asked before the plugin is initialised")

var (
	askLock sync.Mutex
	asks    = map[uint32]chan bridge.Answer{}
	lastAsk uint32
)

// ask puts a wish to the gateway and waits for its outcome.
func ask(wish bridge.Ask) (bridge.Answer, error) {
	logLock.Lock()
	known := greeted
	logLock.Unlock()
	if !known {
		return bridge.Answer{}, errEarly
	}
	head := wish.Head
	if head == nil {
		head = map[string]any{}
	}
	head["ask"] = wish.Name
	if wish.Call != 0 {
		head["call"] = wish.Call
	}
	data, err := json.Marshal(head)
	if err != nil {
		return bridge.Answer{}, err
	}
	arrived := make(chan bridge.Answer, 1)
	askLock.Lock()
	lastAsk++
	for lastAsk == 0 || asks[lastAsk] != nil {
		lastAsk++
	}
	id := lastAsk
	asks[id] = arrived
	askLock.Unlock()
	sendHead(typeAsk, id, data, wish.Parts...)
	answer := <-arrived
	var outcome struct {
		Error string `json:"error"`
	}
	if len(answer.Head) > 0 {
		if err := json.Unmarshal(answer.Head, &outcome); err != nil {
			return answer, err
		}
	}
	if outcome.Error != "" {
		return answer, errors.New(outcome.Error)
	}
	return answer, nil
}

func answered(f *frame) {
	askLock.Lock()
	arrived := asks[f.id]
	delete(asks, f.id)
	askLock.Unlock()
	if arrived == nil {
		return
	}
	answer := bridge.Answer{Head: append([]byte(nil), f.head...)}
	for i := 0; i < len(f.parts)+len(f.more); i++ {
		answer.Parts = append(answer.Parts, f.part(i))
	}
	arrived <- answer
}

// most lines that are kept until the gateway has been greeted.
const mostEarly = 1000

var (
	logLock sync.Mutex
	early   [][2]string
	greeted bool
)

// logLine sends a line to the gateway's log; before the greeting, which has to come first, it is kept.
func logLine(level, text string) {
	logLock.Lock()
	if !greeted {
		if len(early) < mostEarly {
			early = append(early, [2]string{level, text})
		}
		logLock.Unlock()
		return
	}
	logLock.Unlock()
	writeLine(level, text)
}

func writeLine(level, text string) {
	line := object{buffer: startFrame(nil, typeLog, 0, 0)}
	line.text("level", level)
	line.text("text", text)
	out.send(endFrame(line.end()))
}

func flushLog() {
	logLock.Lock()
	defer logLock.Unlock()
	for _, line := range early {
		writeLine(line[0], line[1])
	}
	early, greeted = nil, true
}
