/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_CAUSE_H
#define FUZZ_CAUSE_H

#include <stdbool.h>

#include "devices/vfio.h"

/** fuzz_cause_begin - take access to this device away from here on; it is open */
void fuzz_cause_begin(struct vfio_device *exporter);

/** fuzz_cause_end - the device is closed */
void fuzz_cause_end(void);

/** fuzz_cause_reset - access is back, as far as that is up to what is done here */
void fuzz_cause_reset(void);

/** fuzz_cause_config_written - somebody else may have written to config space */
void fuzz_cause_config_written(void);

/** fuzz_cause_is_beside - whether a thread takes access away and gives it back now */
bool fuzz_cause_is_beside(void);

/** fuzz_cause_in_registers - whether the device's own registers say that access is away */
bool fuzz_cause_in_registers(void);

#endif /* FUZZ_CAUSE_H */
