#!/usr/local/bin/php
<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * Asks the node that this one synchronises to for its status. Prints JSON.
 */

require_once('config.inc');
require_once('util.inc');
require_once('XMLRPC_Client.inc');

try {
    $status = json_decode((string)xmlrpc_execute('opnsense.carpd_status'), true);
    $answer = is_array($status) ?
        ['result' => 'ok', 'data' => $status] :
        ['result' => 'failed', 'message' => 'the other node gives no status: it has no os-carpd, or it is not the one that is synchronised to'];
} catch (\Throwable $error) {
    $answer = ['result' => 'failed', 'message' => sprintf('the other node cannot be asked: %s', $error->getMessage())];
}
echo json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE) . "\n";
