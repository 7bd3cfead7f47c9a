<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd\Migrations;

use OPNsense\Base\BaseModelMigration;
use OPNsense\Core\Config;

/**
 * Whoever filled the section before there was a page for it may have named virtual IPs as other parts of OPNsense do: by UUID,
 * or as "wan_vip1". Both become "1@wan"; what cannot be resolved stays as it is, and is shown as missing.
 */
class M1_0_0 extends BaseModelMigration
{
    /**
     * {@inheritdoc}
     */
    public function run($model)
    {
        parent::run($model);
        if (!($model instanceof \OPNsense\Carpd\Carpd)) {
            return;
        }
        $by_uuid = [];
        foreach (Config::getInstance()->object()->virtualip->vip ?? [] as $vip) {
            if ((string)$vip->vhid !== '') {
                $by_uuid[(string)$vip->attributes()['uuid']] = sprintf('%s@%s', $vip->vhid, $vip->interface);
            }
        }
        foreach ($model->services->service->iterateItems() as $service) {
            $values = array_map(function ($value) use ($by_uuid) {
                if (preg_match('/^(\w+)_vip(\d+)$/D', $value, $match)) {
                    return $match[2] . '@' . $match[1];
                }
                return $by_uuid[$value] ?? $value;
            }, $service->follows->getValues());
            $service->follows = implode(',', array_unique($values));
        }
    }
}
