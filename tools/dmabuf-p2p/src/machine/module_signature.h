/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODULE_SIGNATURE_H
#define MODULE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "modules.h"

/**
 * enum verdict - what the kernel would say to a module's signature
 * @SIGNATURE_FINE: it takes it, or wants none
 * @SIGNATURE_MISSING: it demands one, and there is none
 * @SIGNATURE_FOREIGN: it demands one, and does not have the certificate of this one
 * @SIGNATURE_UNKNOWN: it demands one, and shows its certificates to root only
 */
enum verdict {
	SIGNATURE_FINE,
	SIGNATURE_MISSING,
	SIGNATURE_FOREIGN,
	SIGNATURE_UNKNOWN,
};

/**
 * struct signing - what this kernel demands of modules
 * @cause: why it demands signatures, such as "lockdown=integrity"; empty if it does not
 * @keys: descriptions of its certificates, each with a newline; empty if it shows none
 * @mok: the certificate that DKMS signs with, DER; NULL if it cannot be read
 * @mok_size: of it, bytes
 * @mok_path: of its file
 */
struct signing {
	char cause[80];
	char *keys;
	unsigned char *mok;
	size_t mok_size;
	char *mok_path;
};

/** signing_read - @release: of the kernel, which the certificate's path may have in it */
void signing_read(struct signing *signing, const char *root,
		  const char *release);
void signing_free(struct signing *signing);

/** signing_judge - nothing is verified: who has signed is what can be told */
enum verdict signing_judge(const struct signing *signing,
			   const struct module_file *file);

#endif /* MODULE_SIGNATURE_H */
