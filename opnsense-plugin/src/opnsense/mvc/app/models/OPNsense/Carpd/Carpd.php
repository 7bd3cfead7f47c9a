<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

use OPNsense\Base\BaseModel;
use OPNsense\Base\Messages\Message;

/**
 * What both nodes have in common.
 */
class Carpd extends BaseModel
{
    /** What a probe of each kind cannot do without. */
    private const PROBE_NEEDS = [
        'tcp' => ['connect'],
        'http' => ['url'],
        'process' => ['program'],
        'file' => ['path', 'max_age'],
        'script' => ['script'],
    ];

    /** What each driver cannot do without. */
    private const DRIVER_NEEDS = [
        'rc' => ['rc_script'],
        'configd' => ['configd_start', 'configd_stop'],
        'script' => ['script'],
    ];

    /** The shortest and the longest value of each duration, in milliseconds. */
    private const LIMITS = [
        'maintenance_default_for' => [60000, 2592000000],
        'boot_hold' => [0, 600000],
        'poll' => [1000, 5000],
        'min_master' => [0, 600000],
        'settle' => [0, 60000],
        'unknown_grace' => [0, 600000],
        'start_limit' => [1000, 600000],
        'stop_limit' => [1000, 600000],
        'check_every' => [1000, 60000],
        'max_age' => [1000, 2592000000],
        'every' => [1000, 600000],
        'timeout' => [100, 60000],
    ];

    /** What carpd takes where nothing is entered, in milliseconds. */
    private const DEFAULTS = ['every' => 5000, 'timeout' => 1000];

    /**
     * {@inheritdoc}
     */
    public function performValidation($validateFullModel = false)
    {
        $messages = parent::performValidation($validateFullModel);

        $this->checkDurations($this->general, $messages);
        foreach ($this->services->service->iterateItems() as $service) {
            if ($validateFullModel || $service->isFieldChanged()) {
                $this->checkDurations($service, $messages);
                $this->checkService($service, $messages);
            }
        }
        foreach ($this->probes->probe->iterateItems() as $probe) {
            if ($validateFullModel || $probe->isFieldChanged()) {
                $this->checkDurations($probe, $messages);
                $this->checkProbe($probe, $messages);
            }
        }

        return $messages;
    }

    private function say($messages, $node, $field, $text)
    {
        $messages->appendMessage(new Message($text, $node->__reference . '.' . $field));
    }

    private function checkDurations($node, $messages)
    {
        foreach ($node->iterateItems() as $field => $value) {
            $limits = self::LIMITS[$field] ?? null;
            $length = $limits === null ? null : Duration::milliseconds((string)$value);
            if ($length !== null && ($length < $limits[0] || $length > $limits[1])) {
                $this->say($messages, $node, $field, sprintf(
                    gettext('Enter a duration from %s to %s.'),
                    Duration::shown($limits[0]),
                    Duration::shown($limits[1])
                ));
            }
        }
    }

    private function checkService($service, $messages)
    {
        $driver = (string)$service->driver;
        $profile = (string)$service->profile !== '';
        $link = (string)$service->link_interface !== '';

        foreach (self::DRIVER_NEEDS[$driver] ?? [] as $field) {
            if ((string)$service->$field === '') {
                $this->say($messages, $service, $field, gettext('This driver needs a value.'));
            }
        }
        if ($driver === '' && !$profile && !$link) {
            $this->say($messages, $service, 'driver', gettext('A service without profile needs a driver or a link.'));
        }
        $links = (string)$service->mode === 'warm' && !$profile || (string)$service->profile === 'wireguard';
        if ($links && !$link) {
            $text = gettext('Only the link follows here, so it has to be named.');
            $this->say($messages, $service, 'link_interface', $text);
        }
        if ($driver === 'configd' && !$profile && (string)$service->process_program === '') {
            $text = gettext('What configd answers says nothing about the process, so its program has to be named.');
            $this->say($messages, $service, 'process_program', $text);
        }
        if ((string)$service->process_pidfile !== '' && (string)$service->process_program === '') {
            $this->say($messages, $service, 'process_program', gettext('A pid file needs the program it is about.'));
        }
    }

    private function checkProbe($probe, $messages)
    {
        foreach (self::PROBE_NEEDS[(string)$probe->kind] ?? [] as $field) {
            if ((string)$probe->$field === '') {
                $this->say($messages, $probe, $field, gettext('This kind of probe needs a value.'));
            }
        }
        if ((string)$probe->demote !== '' && (int)(string)$probe->demote % 16 !== 0) {
            $this->say($messages, $probe, 'demote', gettext('Enter a multiple of 16 from 16 to 65520.'));
        }
        $every = Duration::milliseconds((string)$probe->every) ?? self::DEFAULTS['every'];
        $timeout = Duration::milliseconds((string)$probe->timeout) ?? self::DEFAULTS['timeout'];
        if ($timeout > $every) {
            $this->say($messages, $probe, 'timeout', gettext('A run may not take longer than the time between two.'));
        }
        foreach ($this->probes->probe->iterateItems() as $other) {
            if (
                $other->__reference !== $probe->__reference &&
                (string)$other->service === (string)$probe->service &&
                (string)$other->name === (string)$probe->name
            ) {
                $this->say($messages, $probe, 'name', gettext('The service has a probe of this name already.'));
                break;
            }
        }
    }
}
