package worker

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// Types of frames (docs/worker-protocol.md).
const (
	typeConfigure = 1
	typeHello     = 2
	typeDefine    = 3
	typeForget    = 4
	typeCall      = 5
	typeReply     = 6
	typeError     = 7
	typeCancel    = 8
	typeReload    = 9
	typeShutdown  = 10
	typeLog       = 11
	typeAsk       = 12
	typeAnswer    = 13
)

const (
	absent       = 0xFFFFFFFF
	fixedHead    = 20
	maxFrame     = 1 << 30
	readBuffer   = 64 << 10
	keptBuffer   = 1 << 20
	pooledBuffer = 64 << 10
)

var errFrame = errors.New("pinhook: a frame whose lengths do not add up")

// frame points into the buffer that it was read from: it is good until the next one is read.
type frame struct {
	kind     byte
	id, hook uint32
	head     []byte
	parts    [3][]byte
	more     [][]byte
}

// part is a copy of a part; nil if it is absent.
func (f *frame) part(i int) []byte {
	var part []byte
	if i < len(f.parts) {
		part = f.parts[i]
	} else if i -= len(f.parts); i < len(f.more) {
		part = f.more[i]
	}
	if part == nil {
		return nil
	}
	return append(make([]byte, 0, len(part)), part...)
}

func parseFrame(data []byte) (frame, error) {
	var f frame
	if len(data) < fixedHead-4 {
		return f, errFrame
	}
	count := int(data[1])
	f.kind = data[0]
	f.id = binary.LittleEndian.Uint32(data[4:])
	f.hook = binary.LittleEndian.Uint32(data[8:])
	head := int(binary.LittleEndian.Uint32(data[12:]))
	lengths := data[16:]
	if len(lengths) < 4*count || len(lengths)-4*count < head {
		return f, errFrame
	}
	rest := lengths[4*count:]
	f.head, rest = rest[:head], rest[head:]
	for i := 0; i < count; i++ {
		length := binary.LittleEndian.Uint32(lengths[4*i:])
		var part []byte
		if length != absent {
			if uint64(length) > uint64(len(rest)) {
				return f, errFrame
			}
			part, rest = rest[:length:length], rest[length:]
		}
		if i < len(f.parts) {
			f.parts[i] = part
		} else {
			f.more = append(f.more, part)
		}
	}
	return f, nil
}

// readFrames hands each frame of a stream to take, until the stream ends.
func readFrames(from io.Reader, take func(*frame)) error {
	buffer := make([]byte, readBuffer)
	start, end := 0, 0
	for {
		for end-start >= 4 {
			length := int(binary.LittleEndian.Uint32(buffer[start:]))
			if length > maxFrame {
				return errFrame
			}
			if end-start < 4+length {
				if 4+length > len(buffer) {
					larger := make([]byte, 4+length)
					end = copy(larger, buffer[start:end])
					buffer, start = larger, 0
				}
				break
			}
			f, err := parseFrame(buffer[start+4 : start+4+length])
			if err != nil {
				return err
			}
			take(&f)
			start += 4 + length
		}
		if start == end {
			start, end = 0, 0
			if len(buffer) > keptBuffer {
				buffer = make([]byte, readBuffer)
			}
		} else if end == len(buffer) {
			end = copy(buffer, buffer[start:end])
			start = 0
		}
		n, err := from.Read(buffer[end:])
		end += n
		if err != nil {
			return err
		}
	}
}

// writer sends frames whole. While one goroutine writes, the frames of the others pile up for its next write.
type writer struct {
	to      io.Writer
	lock    sync.Mutex
	waiting []byte
	spare   []byte
	busy    bool
}

func (w *writer) send(data []byte) {
	w.lock.Lock()
	if w.busy {
		w.waiting = append(w.waiting, data...)
		w.lock.Unlock()
		return
	}
	w.busy = true
	w.lock.Unlock()
	for {
		// A gateway that is gone is noticed by the reader.
		_, _ = w.to.Write(data)
		w.lock.Lock()
		if len(w.waiting) == 0 {
			w.busy = false
			w.lock.Unlock()
			return
		}
		data, w.waiting = w.waiting, w.spare[:0]
		if cap(data) <= keptBuffer {
			w.spare = data
		} else {
			w.spare = nil
		}
		w.lock.Unlock()
	}
}

// startFrame reserves the fixed part of a frame with that many parts; the head is appended next.
func startFrame(buffer []byte, kind byte, id uint32, parts int) []byte {
	buffer = append(buffer[:0], make([]byte, fixedHead+4*parts)...)
	buffer[4], buffer[5] = kind, byte(parts)
	binary.LittleEndian.PutUint32(buffer[8:], id)
	return buffer
}

// endFrame appends the parts and fills in the lengths.
func endFrame(buffer []byte, parts ...[]byte) []byte {
	head := len(buffer) - fixedHead - 4*len(parts)
	binary.LittleEndian.PutUint32(buffer[16:], uint32(head))
	for i, part := range parts {
		length := uint32(absent)
		if part != nil {
			length = uint32(len(part))
			buffer = append(buffer, part...)
		}
		binary.LittleEndian.PutUint32(buffer[fixedHead+4*i:], length)
	}
	binary.LittleEndian.PutUint32(buffer, uint32(len(buffer)-4))
	return buffer
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func release(pointer *[]byte, buffer []byte) {
	if cap(buffer) <= pooledBuffer {
		*pointer = buffer
		buffers.Put(pointer)
	}
}
