//go:build linux

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// certificate is what the mail system presents for TLS, and what its clients trust.
type certificate struct {
	certificatePEM, keyPEM string
	trusted                *x509.CertPool
}

// makeCertificate creates a self-signed certificate for mailDomain.
func makeCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: mailDomain},
		DNSNames:     []string{mailDomain},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	c := &certificate{
		certificatePEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})),
		keyPEM:         string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})),
		trusted:        x509.NewCertPool(),
	}
	c.trusted.AppendCertsFromPEM([]byte(c.certificatePEM))
	return c, nil
}

// client returns the TLS configuration of a client: it trusts only this
// certificate.
func (c *certificate) client() *tls.Config {
	return &tls.Config{RootCAs: c.trusted, ServerName: mailDomain, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}
