// Package storage stands in for Tyk's package of that name: keys in the gateway's store. The gateway does the work, so
// plugins need no connection of their own; there is nothing to wait for and nothing to configure.
package storage

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/TykTechnologies/tyk/config"
	"pinhook/bridge"
)

// What may go wrong.
var (
	ErrKeyNotFound  = errors.New("key not found")
	ErrRedisIsDown  = errors.New("storage: Redis is either down or was not configured")
	ErrMDCBConnLost = errors.New("mdcb connection is lost")
	ErrStorageConn  = errors.New("Error trying to get singleton instance")
)

// RedisController stands for the connection to Redis, which is the gateway's.
type RedisController struct{}

// NewRedisController is ready at once.
func NewRedisController(context.Context) *RedisController { return &RedisController{} }

// Connected is always true.
func (*RedisController) Connected() bool { return true }

// WaitConnect has nothing to wait for.
func (*RedisController) WaitConnect(context.Context) bool { return true }

// ConnectToRedis has nothing to do.
func (*RedisController) ConnectToRedis(_ context.Context, onConnect func(), _ *config.Config) {
	if onConnect != nil {
		onConnect()
	}
}

// DisableRedis has no effect.
func (*RedisController) DisableRedis(bool) {}

// ConnectionHandler is the newer name of RedisController.
type ConnectionHandler struct{ RedisController }

// NewConnectionHandler is ready at once.
func NewConnectionHandler(context.Context) *ConnectionHandler { return &ConnectionHandler{} }

// Connect has nothing to do.
func (h *ConnectionHandler) Connect(ctx context.Context, onConnect func(), conf *config.Config) {
	h.ConnectToRedis(ctx, onConnect, conf)
}

// Handler is what a RedisCluster can do.
type Handler interface {
	Connect() bool
	GetKey(string) (string, error)
	GetRawKey(string) (string, error)
	SetKey(string, string, int64) error
	SetRawKey(string, string, int64) error
	GetExp(string) (int64, error)
	SetExp(string, int64) error
	DeleteKey(string) bool
	DeleteRawKey(string) bool
	GetKeyPrefix() string
}

// RedisCluster are the keys of the gateway's store that begin with KeyPrefix.
type RedisCluster struct {
	KeyPrefix         string
	HashKeys          bool
	IsCache           bool
	IsAnalytics       bool
	RedisController   *RedisController
	ConnectionHandler *ConnectionHandler
}

// Connect is always true.
func (*RedisCluster) Connect() bool { return true }

// GetKeyPrefix is the prefix.
func (r *RedisCluster) GetKeyPrefix() string { return r.KeyPrefix }

// GetKey is the value of a key.
func (r *RedisCluster) GetKey(key string) (string, error) { return r.GetRawKey(r.KeyPrefix + key) }

// GetRawKey is the value of a key without the prefix.
func (*RedisCluster) GetRawKey(key string) (string, error) {
	answer, err := bridge.Send(bridge.Ask{Name: "get_data", Head: map[string]any{"key": key, "raw": true}})
	if err != nil {
		return "", err
	}
	if len(answer.Parts) == 0 || answer.Parts[0] == nil {
		return "", ErrKeyNotFound
	}
	return string(answer.Parts[0]), nil
}

// GetMultiKey are the values of several keys.
func (r *RedisCluster) GetMultiKey(keys []string) ([]string, error) {
	values, some := make([]string, len(keys)), false
	for i, key := range keys {
		value, err := r.GetKey(key)
		if err != nil && !errors.Is(err, ErrKeyNotFound) {
			return nil, err
		}
		values[i], some = value, some || err == nil
	}
	if !some {
		return nil, ErrKeyNotFound
	}
	return values, nil
}

// SetKey sets a key for a number of seconds; 0 is for ever.
func (r *RedisCluster) SetKey(key, value string, seconds int64) error {
	return r.SetRawKey(r.KeyPrefix+key, value, seconds)
}

// SetRawKey sets a key without the prefix.
func (*RedisCluster) SetRawKey(key, value string, seconds int64) error {
	head := map[string]any{"key": key, "raw": true}
	if seconds > 0 {
		head["ttl"] = seconds
	}
	_, err := bridge.Send(bridge.Ask{Name: "store_data", Head: head, Parts: [][]byte{[]byte(value)}})
	return err
}

// GetExp is for how many seconds a key is still there; -1 is for ever.
func (r *RedisCluster) GetExp(key string) (int64, error) {
	head := map[string]any{"key": r.KeyPrefix + key, "raw": true}
	answer, err := bridge.Send(bridge.Ask{Name: "get_data", Head: head})
	if err != nil {
		return 0, err
	}
	if len(answer.Parts) == 0 || answer.Parts[0] == nil {
		return 0, ErrKeyNotFound
	}
	var found struct {
		TTL *int64 `json:"ttl"`
	}
	if err := json.Unmarshal(answer.Head, &found); err != nil {
		return 0, err
	}
	if found.TTL == nil {
		return -1, nil
	}
	return *found.TTL, nil
}

// GetKeyTTL is GetExp.
func (r *RedisCluster) GetKeyTTL(key string) (int64, error) { return r.GetExp(key) }

// SetExp sets for how many seconds a key is there.
func (r *RedisCluster) SetExp(key string, seconds int64) error {
	value, err := r.GetKey(key)
	if err != nil {
		return err
	}
	return r.SetKey(key, value, seconds)
}

// DeleteKey removes a key; it tells whether that worked.
func (r *RedisCluster) DeleteKey(key string) bool { return r.DeleteRawKey(r.KeyPrefix + key) }

// DeleteRawKey removes a key without the prefix.
func (*RedisCluster) DeleteRawKey(key string) bool {
	_, err := bridge.Send(bridge.Ask{Name: "delete_data", Head: map[string]any{"key": key, "raw": true}})
	return err == nil
}

// DeleteKeys removes keys; it tells whether that worked.
func (r *RedisCluster) DeleteKeys(keys []string) bool {
	for _, key := range keys {
		if !r.DeleteKey(key) {
			return false
		}
	}
	return len(keys) > 0
}

// Exists tells whether a key is there.
func (r *RedisCluster) Exists(key string) (bool, error) {
	_, err := r.GetKey(key)
	if errors.Is(err, ErrKeyNotFound) {
		return false, nil
	}
	return err == nil, err
}
