package config

// DefaultDirectory is the configuration directory when neither -c nor
// MAIL_CONFIG names one; both flavours have the same.
const DefaultDirectory = "/etc/postfix"
