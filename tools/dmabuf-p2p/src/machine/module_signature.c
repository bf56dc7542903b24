// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the kernel would take a module, by its signature
 *
 * /proc/keys has the certificates that the kernel has at this moment, those enrolled
 * with mokutil among them, if the firmware has handed them over.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module_signature.h"
#include "regular_file.h"
#include "sysfs_file.h"
#include "text.h"

#define SECURE_BOOT \
	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* A certificate has one or two KiB, an identifier in it 20 bytes */
#define MAX_FILE 16384
#define MAX_ID 64

static unsigned char *read_all(size_t *size, const char *root, const char *name)
{
	char *path = text_format("%s%s", root, name);
	unsigned char *data = NULL;
	FILE *file = regular_open(path, NULL);

	free(path);
	if (!file)
		return NULL;
	data = malloc(MAX_FILE);
	*size = data ? fread(data, 1, MAX_FILE, file) : 0;
	fclose(file);
	return data;
}

/* An EFI variable is four bytes of attributes, then what it says */
static bool is_secure_boot(const char *root)
{
	size_t size = 0;
	unsigned char *data = read_all(&size, root, SECURE_BOOT);
	bool on = data && size == 5 && data[4] == 1;

	free(data);
	return on;
}

/* "none [integrity] confidentiality" */
static void read_cause(struct signing *signing, const char *root)
{
	const char *boot = is_secure_boot(root) ? ", Secure Boot" : "";
	char text[80], *open, *end;

	sysfs_text(text, sizeof(text), root, "/sys/kernel/security/lockdown");
	open = strchr(text, '[');
	end = open ? strchr(open, ']') : NULL;
	if (end && strncmp(open, "[none]", 6)) {
		*end = 0;
		snprintf(signing->cause, sizeof(signing->cause),
			 "lockdown=%.40s%s", open + 1, boot);
		return;
	}
	sysfs_text(text, sizeof(text), root,
		   "/sys/module/module/parameters/sig_enforce");
	if (!strcmp(text, "Y"))
		snprintf(signing->cause, sizeof(signing->cause),
			 "module.sig_enforce%s", boot);
}

/* "... asymmetri Debian Secure Boot CA: 6cce...: X509.rsa bb419ea1 []" */
static void read_keys(struct signing *signing, const char *root)
{
	char *path = text_format("%s/proc/keys", root);
	FILE *file = fopen(path, "re");
	char *line = NULL, *key;
	size_t size = 0;

	free(path);
	signing->keys = text_format("%s", "");
	while (file && getline(&line, &size, file) > 0) {
		key = strstr(line, " asymmetri ");
		if (!key || !strstr(key, ": X509."))
			continue;
		signing->keys = text_join(signing->keys, "",
			text_format("%s", key + strlen(" asymmetri ")));
	}
	free(line);
	if (file)
		fclose(file);
}

/*
 * "mok_certificate=/etc/keys/$kernelver.der": DKMS has a shell read it. Return: the last
 * such line's path, to be freed, or @path.
 */
static char *configured(char *path, const char *root, const char *name,
			const char *release)
{
	char *full = text_format("%s%s", root, name), *line = NULL, *value;
	FILE *file = regular_open(full, NULL);
	size_t size = 0, len;

	free(full);
	while (file && getline(&line, &size, file) > 0) {
		value = line + strspn(line, " \t");
		if (strncmp(value, "mok_certificate=", 16))
			continue;
		value += 16;
		value += strspn(value, "\"'");
		value[strcspn(value, "\"' \t\n;#")] = 0;
		len = strcspn(value, "$");
		free(path);
		if (!strncmp(value + len, "$kernelver", 10))
			path = text_format("%.*s%s%s", (int)len, value, release,
					   value + len + 10);
		else if (!strncmp(value + len, "${kernelver}", 12))
			path = text_format("%.*s%s%s", (int)len, value, release,
					   value + len + 12);
		else
			path = text_format("%s", value);
	}
	free(line);
	if (file)
		fclose(file);
	return path;
}

/* Return: the certificate that DKMS was told to sign with, to be freed; NULL if none */
static char *find_configured(const char *root, const char *release)
{
	static const char folder[] = "/etc/dkms/framework.conf.d";
	char *path = configured(NULL, root, "/etc/dkms/framework.conf", release);
	char **names = sysfs_list(root, "%s", folder), *name;
	size_t i;

	for (i = 0; names[i]; i++) {
		if (strlen(names[i]) < 5 ||
		    strcmp(names[i] + strlen(names[i]) - 5, ".conf"))
			continue;
		name = text_format("%s/%s", folder, names[i]);
		path = configured(path, root, name, release);
		free(name);
	}
	sysfs_list_free(names);
	return path;
}

void signing_read(struct signing *signing, const char *root,
		  const char *release)
{
	static const char *const paths[] = {
		"/var/lib/dkms/mok.pub", "/var/lib/shim-signed/mok/MOK.der",
	};
	size_t i;

	*signing = (struct signing) { 0 };
	read_cause(signing, root);
	read_keys(signing, root);
	signing->mok_path = find_configured(root, release);
	if (signing->mok_path) {
		signing->mok = read_all(&signing->mok_size, root,
					signing->mok_path);
		return;
	}
	for (i = 0; i < 2 && !signing->mok; i++)
		signing->mok = read_all(&signing->mok_size, root, paths[i]);
	signing->mok_path = text_format("%s", paths[signing->mok ? i - 1 : 0]);
}

void signing_free(struct signing *signing)
{
	free(signing->keys);
	free(signing->mok);
	free(signing->mok_path);
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' :
	       (tolower((unsigned char)c) - 'a') + 10;
}

/*
 * Is that number in the certificate of DKMS? @text is "28:8D:42" or "288d42", with
 * something else behind it. Serial numbers and identifiers of keys are drawn at random
 * or by a hash: they are nowhere by chance.
 */
static bool is_in_mok(const struct signing *signing, const char *text)
{
	unsigned char id[MAX_ID];
	size_t size = 0;

	while (size < sizeof(id) && isxdigit((unsigned char)text[0]) &&
	       isxdigit((unsigned char)text[1])) {
		id[size++] = (unsigned char)(digit(text[0]) << 4 |
					     digit(text[1]));
		text += text[2] == ':' ? 3 : 2;
	}
	return size >= 8 && signing->mok &&
	       memmem(signing->mok, signing->mok_size, id, size);
}

/* The kernel describes a certificate by its owner and the identifier of its key */
static bool is_mok_enrolled(const struct signing *signing)
{
	const char *end, *id;

	for (end = signing->keys; (end = strstr(end, ": X509.")); end++) {
		for (id = end; id > signing->keys &&
		     isxdigit((unsigned char)id[-1]); id--)
			;
		if (is_in_mok(signing, id))
			return true;
	}
	return false;
}

enum verdict signing_judge(const struct signing *signing,
			   const struct module_file *file)
{
	if (!signing->cause[0])
		return SIGNATURE_FINE;
	if (!file->is_signed)
		return SIGNATURE_MISSING;
	if (!signing->keys[0])
		return SIGNATURE_UNKNOWN;
	/* All machines call that key alike: its name says nothing */
	if (is_in_mok(signing, file->sig_key))
		return is_mok_enrolled(signing) ? SIGNATURE_FINE :
						  SIGNATURE_FOREIGN;
	return file->signer[0] && strstr(signing->keys, file->signer) ?
		       SIGNATURE_FINE : SIGNATURE_FOREIGN;
}
