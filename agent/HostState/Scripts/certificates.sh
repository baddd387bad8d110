# path subject expires days_left; the first to expire first
if have openssl; then
    now=$(date +%s)
    find /etc/letsencrypt/live /etc/nginx /etc/apache2 /etc/httpd /etc/haproxy /etc/caddy \
        /var/lib/caddy /etc/postfix /etc/dovecot /etc/exim4 /etc/openvpn /etc/pki/tls/certs \
        /etc/ssl/private /etc/ssl/local /etc/kubernetes/pki /etc/mysql /etc/postgresql \
        /usr/local/etc \
        \( -name '*.pem' -o -name '*.crt' -o -name '*.cer' \) ! -name 'ca-bundle*' ! -name 'chain*' \
        2>/dev/null | head -n 200 | while IFS= read -r file; do
        [ -r "$file" ] && openssl x509 -in "$file" -noout -subject -enddate 2>/dev/null |
            awk -v file="$file" -v now="$now" '
                function days(y, m, d) {
                    if (m <= 2) { y--; m += 12 }
                    return 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + \
                        int((153 * (m - 3) + 2) / 5) + d - 719469
                }
                /^subject=/ { subject = $0; sub(/^subject= */, "", subject) }
                /^notAfter=/ {
                    date = $0; sub(/^notAfter=/, "", date); split(date, part, / +/)
                    month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", part[1]) + 2) / 3
                    left = days(part[4], month, part[2]) - int(now / 86400)
                    printf "%s\t%s\t%04d-%02d-%02d\t%d\n", file, subject, part[4], month, \
                        part[2], left
                }'
    done | sort -t "$(printf '\t')" -n -k4,4
else
    note "this host has no openssl: certificates cannot be read"
fi
