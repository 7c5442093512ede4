// Package user stands in for Tyk's package of that name: what a key may do.
package user

import (
	"crypto/md5" //nolint:gosec // Tyk's checksum of sessions, not a secret
	"encoding/json"
	"fmt"
	"time"
)

// HashType says how a password is hashed.
type HashType string

// Ways to hash a password.
const (
	HashPlainText HashType = ""
	HashBCrypt    HashType = "bcrypt"
	HashSha256    HashType = "sha256"
	HashMurmur32  HashType = "murmur32"
	HashMurmur64  HashType = "murmur64"
	HashMurmur128 HashType = "murmur128"
)

// IsHashType tells whether a text names a way to hash.
func IsHashType(name string) bool {
	switch HashType(name) {
	case HashPlainText, HashBCrypt, HashSha256, HashMurmur32, HashMurmur64, HashMurmur128:
		return true
	}
	return false
}

// PostExpiryAction says what becomes of a key that has expired.
type PostExpiryAction string

// What becomes of a key that has expired.
const (
	PostExpiryActionRetain PostExpiryAction = "retain"
	PostExpiryActionDelete PostExpiryAction = "delete"
)

// BasicAuthData is the password of basic authentication.
type BasicAuthData struct {
	Password string   `json:"password"`
	Hash     HashType `json:"hash_type"`
}

// JWTData is the secret of a key's tokens.
type JWTData struct {
	Secret string `json:"secret"`
}

// Monitor holds percentages of the quota that fire an event.
type Monitor struct {
	TriggerLimits []float64 `json:"trigger_limits"`
}

// SessionState is what a key may do and what is known of it. Its JSON leaves out what is zero.
type SessionState struct {
	LastCheck                     int64                       `json:"last_check,omitempty"`
	Allowance                     float64                     `json:"allowance,omitempty"`
	Rate                          float64                     `json:"rate,omitempty"`
	Per                           float64                     `json:"per,omitempty"`
	ThrottleInterval              float64                     `json:"throttle_interval,omitempty"`
	ThrottleRetryLimit            int                         `json:"throttle_retry_limit,omitempty"`
	MaxQueryDepth                 int                         `json:"max_query_depth,omitempty"`
	DateCreated                   time.Time                   `json:"date_created"`
	Expires                       int64                       `json:"expires,omitempty"`
	QuotaMax                      int64                       `json:"quota_max,omitempty"`
	QuotaRenews                   int64                       `json:"quota_renews,omitempty"`
	QuotaRemaining                int64                       `json:"quota_remaining,omitempty"`
	QuotaRenewalRate              int64                       `json:"quota_renewal_rate,omitempty"`
	AccessRights                  map[string]AccessDefinition `json:"access_rights,omitempty"`
	OrgID                         string                      `json:"org_id,omitempty"`
	OauthClientID                 string                      `json:"oauth_client_id,omitempty"`
	OauthKeys                     map[string]string           `json:"oauth_keys,omitempty"`
	Certificate                   string                      `json:"certificate,omitempty"`
	MtlsStaticCertificateBindings []string                    `json:"mtls_static_certificate_bindings,omitempty"`
	BasicAuthData                 BasicAuthData               `json:"basic_auth_data"`
	JWTData                       JWTData                     `json:"jwt_data"`
	HMACEnabled                   bool                        `json:"hmac_enabled,omitempty"`
	EnableHTTPSignatureValidation bool                        `json:"enable_http_signature_validation,omitempty"`
	HmacSecret                    string                      `json:"hmac_string,omitempty"`
	RSACertificateId              string                      `json:"rsa_certificate_id,omitempty"`
	IsInactive                    bool                        `json:"is_inactive,omitempty"`
	ApplyPolicyID                 string                      `json:"apply_policy_id,omitempty"`
	ApplyPolicies                 []string                    `json:"apply_policies,omitempty"`
	DataExpires                   int64                       `json:"data_expires,omitempty"`
	Monitor                       Monitor                     `json:"monitor"`
	EnableDetailedRecording       bool                        `json:"enable_detailed_recording,omitempty"`
	EnableDetailRecording         bool                        `json:"enable_detail_recording,omitempty"`
	MetaData                      map[string]interface{}      `json:"meta_data,omitempty"`
	Tags                          []string                    `json:"tags,omitempty"`
	Alias                         string                      `json:"alias,omitempty"`
	LastUpdated                   string                      `json:"last_updated,omitempty"`
	IdExtractorDeadline           int64                       `json:"id_extractor_deadline,omitempty"`
	SessionLifetime               int64                       `json:"session_lifetime,omitempty"`
	PostExpiryAction              PostExpiryAction            `json:"post_expiry_action,omitempty"`
	PostExpiryGracePeriod         int64                       `json:"post_expiry_grace_period,omitempty"`
	Smoothing                     *RateLimitSmoothing         `json:"smoothing,omitempty"`

	// KeyID is the key; it is not a part of the stored session.
	KeyID string `json:"-"`

	keyHash string
	touched bool
}

type plainState SessionState

// MarshalJSON writes what is not zero.
func (s SessionState) MarshalJSON() ([]byte, error) {
	filled := struct {
		plainState
		DateCreated   *time.Time     `json:"date_created,omitempty"`
		BasicAuthData *BasicAuthData `json:"basic_auth_data,omitempty"`
		JWTData       *JWTData       `json:"jwt_data,omitempty"`
		Monitor       *Monitor       `json:"monitor,omitempty"`
	}{plainState: plainState(s)}
	if !s.DateCreated.IsZero() {
		filled.DateCreated = &s.DateCreated
	}
	if s.BasicAuthData != (BasicAuthData{}) {
		filled.BasicAuthData = &s.BasicAuthData
	}
	if s.JWTData != (JWTData{}) {
		filled.JWTData = &s.JWTData
	}
	if len(s.Monitor.TriggerLimits) > 0 {
		filled.Monitor = &s.Monitor
	}
	return json.Marshal(filled)
}

// NewSessionState is an empty session.
func NewSessionState() *SessionState { return &SessionState{} }

// Clone is a copy that shares nothing.
func (s SessionState) Clone() SessionState {
	var other SessionState
	data, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(data, &other)
	}
	if err != nil {
		return s
	}
	other.KeyID, other.keyHash, other.touched = s.KeyID, s.keyHash, s.touched
	return other
}

// MD5Hash is a checksum of the session.
func (s SessionState) MD5Hash() string {
	data, _ := json.Marshal(s)
	return fmt.Sprintf("%x", md5.Sum(data)) //nolint:gosec // see the import
}

// KeyHash is what stands for the key in the store; SetKeyHash must have been called.
func (s *SessionState) KeyHash() string {
	if s.keyHash == "" {
		panic("KeyHash cache not found. You should call `SetKeyHash` before.")
	}
	return s.keyHash
}

// SetKeyHash says what stands for the key in the store.
func (s *SessionState) SetKeyHash(hash string) { s.keyHash = hash }

// KeyHashEmpty tells whether SetKeyHash is still to be called.
func (s *SessionState) KeyHashEmpty() bool { return s.keyHash == "" }

// PolicyIDs are the policies of the session.
func (s *SessionState) PolicyIDs() []string {
	if len(s.ApplyPolicies) > 0 {
		return s.ApplyPolicies
	}
	if s.ApplyPolicyID != "" {
		return []string{s.ApplyPolicyID}
	}
	return nil
}

// GetPolicyIDs is the older name of PolicyIDs.
func (s *SessionState) GetPolicyIDs() []string { return s.PolicyIDs() }

// SetPolicies gives the session policies in place of those it has.
func (s *SessionState) SetPolicies(ids ...string) { s.ApplyPolicyID, s.ApplyPolicies = "", ids }

// SetPolicyID gives the session one policy in place of those it has.
func (s *SessionState) SetPolicyID(id string) { s.ApplyPolicyID, s.ApplyPolicies = id, nil }

// CustomPolicies are policies that meta data holds under `policies`, by id.
func (s *SessionState) CustomPolicies() (map[string]Policy, error) {
	found, ok := s.MetaData["policies"]
	if !ok {
		return nil, fmt.Errorf("no custom policies found in session metadata")
	}
	data, err := json.Marshal(found)
	if err != nil {
		return nil, err
	}
	var list []Policy
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	all := make(map[string]Policy, len(list))
	for _, policy := range list {
		all[policy.ID] = policy
	}
	return all, nil
}

// SetCustomPolicies puts policies into the meta data.
func (s *SessionState) SetCustomPolicies(list []Policy) {
	if s.MetaData == nil {
		s.MetaData = map[string]interface{}{}
	}
	s.MetaData["policies"] = list
}

// Touch marks the session as edited.
func (s *SessionState) Touch() { s.touched = true }

// IsModified tells whether the session is marked as edited.
func (s *SessionState) IsModified() bool { return s.touched }

// Reset takes the mark away.
func (s *SessionState) Reset() { s.touched = false }

// Lifetime is how long the session is stored, in seconds: its own, that of its API or the gateway's.
func (s *SessionState) Lifetime(respectExpiry bool, fallback int64, forceGlobal bool, global int64) int64 {
	if forceGlobal {
		return global
	}
	life := s.SessionLifetime
	if life <= 0 {
		life = fallback
	}
	if respectExpiry && s.Expires > 0 {
		if left := s.Expires - time.Now().Unix(); left > life {
			return left
		}
	}
	return life
}

// IsBasicAuth tells whether the session has a password.
func (s *SessionState) IsBasicAuth() bool { return s.BasicAuthData.Password != "" }
