<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd\Api;

use OPNsense\Base\ApiControllerBase;
use OPNsense\Core\Backend;

class LedgerController extends ApiControllerBase
{
    public function assumeAction()
    {
        $what = (string)$this->request->getPost('what', null, '');
        if (!$this->request->isPost() || !in_array($what, ['landed', 'lost'], true)) {
            return ['result' => 'failed', 'message' => gettext('Say "landed" or "lost", by POST.')];
        }
        $this->throwReadOnly();
        $text = trim((string)(new Backend())->configdpRun('carpd ledger assume', [$what], false, 30, 2));

        return $text === '' ?
            ['result' => 'failed', 'message' => gettext('carpctl gives no answer; see the log of the configuration daemon.')] :
            ['result' => 'ok', 'message' => $text];
    }
}
