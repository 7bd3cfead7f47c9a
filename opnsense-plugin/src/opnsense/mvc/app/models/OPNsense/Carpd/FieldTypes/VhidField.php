<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd\FieldTypes;

use OPNsense\Base\FieldTypes\BaseField;
use OPNsense\Base\FieldTypes\BaseListField;
use OPNsense\Base\Validators\CallbackValidator;
use OPNsense\Core\Config;

/**
 * CARP groups, each as its vhid and the key of its interface: "1@wan".
 *
 * A virtual IP's UUID is another one on the other node unless the entry itself was sent there, and a vhid alone may be there
 * once on each interface. This form means the same on both nodes, and is the one that carpd.toml knows.
 *
 * A group that is gone stays visible and stays chosen: silently dropping it would let the service follow fewer groups.
 */
class VhidField extends BaseListField
{
    private const FORM = '/^([1-9]\d?|1\d\d|2[0-4]\d|25[0-5])@[0-9A-Za-z_]{1,64}$/D';

    /**
     * {@inheritdoc}
     */
    protected function actionPostLoadingEvent()
    {
        if (!$this->hasStaticOptions('carp')) {
            $this->setStaticOptions(self::groups(Config::getInstance()->object()), 'carp');
        }
        $this->internalOptionList = $this->getStaticOptions('carp');
    }

    /**
     * @param \SimpleXMLElement $config config.xml
     * @return array descriptions of the CARP groups by vhid@interface
     */
    public static function groups($config)
    {
        $groups = [];
        foreach ($config->virtualip->vip ?? [] as $vip) {
            $key = sprintf('%s@%s', trim((string)$vip->vhid), trim((string)$vip->interface));
            if ((string)$vip->mode === 'carp' && preg_match(self::FORM, $key)) {
                $interface = (string)$vip->interface;
                $name = trim((string)($config->interfaces->{$interface}->descr ?? '')) ?: strtoupper($interface);
                $groups[$key] = sprintf('%s (%s, %s)', $key, $name, trim((string)$vip->subnet));
            }
        }
        natcasesort($groups);

        return $groups;
    }

    /**
     * {@inheritdoc}
     */
    public function getNodeData()
    {
        foreach ($this->getValues() as $value) {
            if (!isset($this->internalOptionList[$value])) {
                $this->internalOptionList[$value] = self::missing($value);
            }
        }

        return parent::getNodeData();
    }

    /**
     * {@inheritdoc}
     */
    public function getDescription()
    {
        $groups = $this->getStaticOptions('carp');

        return implode(', ', array_map(fn($key) => $groups[$key] ?? self::missing($key), $this->getValues()));
    }

    private static function missing($key)
    {
        return sprintf(gettext('%s (no such virtual IP)'), $key);
    }

    /**
     * {@inheritdoc}
     */
    public function getValidators()
    {
        // Not those of the list: they refuse what is gone.
        $validators = BaseField::getValidators();
        if ((string)$this->internalValue !== '') {
            $validators[] = new CallbackValidator(['callback' => fn() => $this->judge()]);
        }

        return $validators;
    }

    /**
     * What was chosen while it existed may stay, so that the rest of the entry can still be edited.
     */
    private function judge()
    {
        $groups = $this->getStaticOptions('carp');
        $before = is_string($this->internalInitialValue) ? explode(',', $this->internalInitialValue) : [];
        $messages = [];
        foreach ($this->getValues() as $value) {
            if (!isset($groups[$value]) && !in_array($value, $before, true)) {
                $messages[] = preg_match(self::FORM, $value) ?
                    sprintf(gettext('There is no virtual IP %s.'), $value) :
                    gettext('Choose virtual IPs by vhid and interface, as in 1@wan.');
            }
        }

        return $messages;
    }
}
