package expr

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Functions of pgcrypto. Those for OpenPGP messages and crypt's DES are missing.
var nativeCrypto = map[string]impl{
	"pg_digest": {f2: func(_ *Call, data, name types.Datum) (types.Datum, error) {
		h, err := hashNamed(name.Str())
		if err != nil {
			return types.Null, err
		}
		sum := h()
		sum.Write(data.Bytes())
		return types.NewBytes(sum.Sum(nil)), nil
	}},
	"pg_hmac": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		h, err := hashNamed(a[2].Str())
		if err != nil {
			return types.Null, err
		}
		mac := hmac.New(h, a[1].Bytes())
		mac.Write(a[0].Bytes())
		return types.NewBytes(mac.Sum(nil)), nil
	}},
	"pg_crypt": {f2: func(_ *Call, password, setting types.Datum) (types.Datum, error) {
		s, err := crypt(password.Str(), setting.Str())
		return types.NewString(s), err
	}},
	"pg_gen_salt": {f1: func(_ *Call, kind types.Datum) (types.Datum, error) { return newSalt(kind.Str(), 0) }},
	"pg_gen_salt_rounds": {f2: func(_ *Call, kind, rounds types.Datum) (types.Datum, error) {
		return newSalt(kind.Str(), rounds.Int())
	}},
	"pg_random_bytes": {f1: func(_ *Call, n types.Datum) (types.Datum, error) {
		if n.Int() < 1 || n.Int() > 1024 {
			return types.Null, pgerr.New(pgerr.ExternalRoutineInvocationException, "Length not in range")
		}
		b, err := randomBytes(int(n.Int()))
		return types.NewBytes(b), err
	}},
	"pg_random_uuid": {f0: randomUUID},
	"pg_encrypt":     {fn: func(_ *Call, a []types.Datum) (types.Datum, error) { return encipher(a[0], a[1], nil, a[2].Str()) }},
	"pg_decrypt":     {fn: func(_ *Call, a []types.Datum) (types.Datum, error) { return decipher(a[0], a[1], nil, a[2].Str()) }},
	"pg_encrypt_iv": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		return encipher(a[0], a[1], a[2].Bytes(), a[3].Str())
	}},
	"pg_decrypt_iv": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		return decipher(a[0], a[1], a[2].Bytes(), a[3].Str())
	}},
}

func randomBytes(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		return nil, pgerr.Internal("no random numbers: %v", err)
	}
	return b, nil
}

var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	"sha512-224": sha512.New512_224, "sha512-256": sha512.New512_256,
	"sha3-224": func() hash.Hash { return sha3.New224() }, "sha3-256": func() hash.Hash { return sha3.New256() },
	"sha3-384": func() hash.Hash { return sha3.New384() }, "sha3-512": func() hash.Hash { return sha3.New512() },
}

func hashNamed(name string) (func() hash.Hash, error) {
	if h := hashes[strings.ToLower(name)]; h != nil {
		return h, nil
	}
	return nil, pgerr.New(pgerr.InvalidParameterValue, "Cannot use \"%s\": No such hash algorithm", name)
}

// blockCipher is an algorithm-mode/pad:padding of encrypt and decrypt.
type blockCipher struct {
	block cipher.Block
	ecb   bool
	pad   bool
	iv    []byte
}

func cryptError(op, what string) error {
	return pgerr.New(pgerr.ExternalRoutineInvocationException, "%s error: %s", op, what)
}

// cipherNamed reads the name of a cipher and sets it up. Keys and initial vectors are cut or filled with zeros.
func cipherNamed(op, name string, key, iv []byte) (*blockCipher, error) {
	unknown := pgerr.New(pgerr.InvalidParameterValue, "Cannot use \"%s\": No such cipher algorithm", name)
	algorithm, padding, padded := strings.Cut(strings.ToLower(name), "/")
	c := &blockCipher{pad: true}
	if padded {
		switch padding {
		case "pad:pkcs":
		case "pad:none":
			c.pad = false
		default:
			return nil, unknown
		}
	}
	algorithm, mode, _ := strings.Cut(algorithm, "-")
	switch mode {
	case "", "cbc":
	case "ecb":
		c.ecb = true
	default:
		return nil, unknown
	}
	fit := func(b []byte, n int) []byte {
		return append(append([]byte(nil), b[:min(n, len(b))]...), make([]byte, max(0, n-len(b)))...)
	}
	var err error
	switch algorithm {
	case "aes", "rijndael":
		size := 16
		for len(key) > size && size < 32 {
			size += 8
		}
		c.block, err = aes.NewCipher(fit(key, size))
	case "3des":
		c.block, err = des.NewTripleDESCipher(fit(key, 24))
	case "des", "bf", "blowfish", "cast5": // as with OpenSSL 3, which has them no more
		return nil, cryptError(op, "Cipher cannot be initialized")
	default:
		return nil, unknown
	}
	if err != nil {
		return nil, cryptError(op, "Cipher cannot be initialized")
	}
	c.iv = fit(iv, c.block.BlockSize())
	return c, nil
}

func encipher(data, key types.Datum, iv []byte, name string) (types.Datum, error) {
	c, err := cipherNamed("encrypt", name, key.Bytes(), iv)
	if err != nil {
		return types.Null, err
	}
	size := c.block.BlockSize()
	b := append([]byte(nil), data.Bytes()...)
	if c.pad {
		n := size - len(b)%size
		b = append(b, bytes.Repeat([]byte{byte(n)}, n)...)
	}
	if len(b)%size != 0 {
		return types.Null, cryptError("encrypt", "Encryption failed")
	}
	if !c.ecb {
		cipher.NewCBCEncrypter(c.block, c.iv).CryptBlocks(b, b)
		return types.NewBytes(b), nil
	}
	for at := 0; at < len(b); at += size {
		c.block.Encrypt(b[at:], b[at:])
	}
	return types.NewBytes(b), nil
}

func decipher(data, key types.Datum, iv []byte, name string) (types.Datum, error) {
	c, err := cipherNamed("decrypt", name, key.Bytes(), iv)
	if err != nil {
		return types.Null, err
	}
	failed := cryptError("decrypt", "Decryption failed")
	size := c.block.BlockSize()
	b := append([]byte(nil), data.Bytes()...)
	if len(b)%size != 0 || c.pad && len(b) == 0 {
		return types.Null, failed
	}
	if c.ecb {
		for at := 0; at < len(b); at += size {
			c.block.Decrypt(b[at:], b[at:])
		}
	} else {
		cipher.NewCBCDecrypter(c.block, c.iv).CryptBlocks(b, b)
	}
	if !c.pad {
		return types.NewBytes(b), nil
	}
	n := int(b[len(b)-1])
	if n < 1 || n > size || !bytes.Equal(b[len(b)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return types.Null, failed
	}
	return types.NewBytes(b[:len(b)-n]), nil
}
