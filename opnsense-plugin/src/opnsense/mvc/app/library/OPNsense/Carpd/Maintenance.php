<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

/**
 * OPNsense's maintenance flag and the 240 that belongs to it.
 *
 * The flag in config.xml is the truth, whoever wrote it, and owns exactly one 240 of net.inet.carp.demotion. The flag is
 * written first and the demotion after it, so that nothing which a state change sets in motion can find, or save, a
 * configuration without the flag. The demotion is an anonymous sum: whether the 240 is in it is judged by what carpd leaves
 * unexplained of it. What cannot be judged is not written.
 *
 * The record beside it holds what config.xml has no place for: reason, owner and end, and whether the 240 was in place in
 * this boot, which makes one that was left behind provable.
 */
class Maintenance
{
    public const AMOUNT = 240;
    public const LONGEST_REASON = 200;
    public const LONGEST = 366 * 86400;

    /** The parts of the demotion in which the 240 of the flag can be. */
    private const OPEN_PARTS = ['OPNsense maintenance', 'unattributed'];

    private $system;
    private $directory;
    private $lock = null;

    /**
     * @param MaintenanceSystem $system the flag, the kernel, carpd and the clock
     * @param string $directory where the record is kept; it survives a reboot
     */
    public function __construct($system, $directory = '/conf/carpd')
    {
        $this->system = $system;
        $this->directory = $directory;
    }

    /**
     * @return array as the API shows it
     */
    public function show()
    {
        $record = $this->read();
        $flag = $this->system->flag();
        $place = self::place($flag, $this->unexplained(), $record, $this->system->boot());

        return [
            'active' => $flag,
            'flag' => $flag,
            'reason' => $flag ? $record['reason'] : '',
            'by' => $flag ? $record['by'] : '',
            'since' => $flag ? $record['since'] : null,
            'until' => $flag ? $record['until'] : null,
            'demotion' => $place,
            'text' => self::explain($flag, $place),
        ];
    }

    /**
     * @return array answer (yes, no or unknown) and text
     */
    public function preflight()
    {
        $preflight = $this->system->status()['maintenance']['preflight'] ?? null;
        if (!is_array($preflight) || !in_array($preflight['answer'] ?? '', ['yes', 'no', 'unknown'], true)) {
            return ['answer' => 'unknown', 'text' => gettext('carpd cannot tell whether the peer would take over.')];
        }

        return ['answer' => $preflight['answer'], 'text' => (string)($preflight['text'] ?? '')];
    }

    /**
     * @param string|null $reason null keeps the one in force
     * @param int|null $seconds when it ends by itself; null keeps what is in force
     * @param string $by who wants it
     * @param bool $force even where it is known that the peer would not take over cleanly
     * @return array result and message
     */
    public function enter($reason, $seconds, $by, $force = false)
    {
        if ($reason !== null && (strlen($reason) > self::LONGEST_REASON || !mb_check_encoding($reason, 'UTF-8'))) {
            $text = gettext('The reason is longer than %d bytes; nothing was changed.');
            return self::answer('failed', sprintf($text, self::LONGEST_REASON));
        }
        if ($seconds !== null && ($seconds < 60 || $seconds > self::LONGEST)) {
            return self::answer('failed', gettext('A maintenance lasts from one minute to 366 days; nothing was changed.'));
        }
        if (!$this->begin(true)) {
            return self::busy();
        }
        try {
            return $this->entered($reason, $seconds, $by, $force);
        } finally {
            $this->end();
        }
    }

    private function entered($reason, $seconds, $by, $force)
    {
        $record = $this->read();
        $already = $this->system->flag();
        if (!$already && !$force) {
            $preflight = $this->preflight();
            if ($preflight['answer'] === 'no') {
                return self::answer('refused', $preflight['text']);
            }
        }
        $now = $this->system->now();
        if (!$already) {
            $record = ['by' => $by, 'since' => self::time($now), 'reason' => '', 'until' => null] + $record;
        }
        $before = $record;
        $record['reason'] = $reason ?? $record['reason'];
        $seconds ??= $already ? null : $this->system->defaultSeconds();
        $record['until'] = $seconds === null ? $record['until'] : self::time($now + $seconds);
        $this->write($record);
        if (!$already) {
            $this->system->setFlag(true, sprintf('Enter CARP maintenance mode: %s', $record['reason']));
            if (!$this->system->flag()) {
                $text = gettext('config.xml does not keep the maintenance flag; see the log of the configuration daemon.');
                return self::answer('failed', $text);
            }
        }
        $problem = $this->putIn($record);
        if ($problem === null && !$this->system->flag()) {
            // Whoever had read config.xml before, and saved it now, took the flag away again.
            $this->system->setFlag(true, 'Enter CARP maintenance mode again: another process had overwritten it');
        }
        if ($problem !== null) {
            return self::answer('failed', $problem);
        }
        if (!$already) {
            return self::answer('ok', gettext('in maintenance'));
        }

        return self::answer('ok', $before === $record ? gettext('already in maintenance') : gettext('maintenance changed'));
    }

    /**
     * @param string $by who wants it
     * @return array result and message
     */
    public function leave($by)
    {
        if (!$this->begin(true)) {
            return self::busy();
        }
        try {
            return $this->left($by);
        } finally {
            $this->end();
        }
    }

    private function left($by)
    {
        $record = $this->read();
        $boot = $this->system->boot();
        $flag = $this->system->flag();
        $place = self::place($flag, $this->unexplained(), $record, $boot);
        if (!$flag && $place !== 'stale') {
            return self::answer('ok', gettext('not in maintenance'));
        }
        if ($flag) {
            // After a crash in the next lines this makes what is left of the demotion provable.
            $record['in_place'] = $place === 'in_place';
            $record['boot'] = $boot;
            $this->write($record);
            $this->system->setFlag(false, sprintf('Leave CARP maintenance mode: %s', $by));
            if ($this->system->flag()) {
                $text = gettext('config.xml keeps the maintenance flag; see the log of the configuration daemon.');
                return self::answer('failed', $text);
            }
        }
        if ($place === 'in_place' || $place === 'stale') {
            if (!$this->system->add(-self::AMOUNT)) {
                return self::answer('failed', gettext('The kernel refuses to change net.inet.carp.demotion; see the log.'));
            }
        } elseif ($place === 'unknown') {
            $this->write(self::blank());
            $text = gettext('The flag is gone, but it cannot be told whether its 240 is in the demotion; nothing was taken out.');
            return self::answer('failed', $text);
        }
        $this->write(self::blank());

        return self::answer('ok', gettext('maintenance left'));
    }

    /**
     * Puts a missing 240 in and takes one out that is provably left over.
     *
     * @return array result and message
     */
    public function repair()
    {
        if (!$this->begin(true)) {
            return self::busy();
        }
        try {
            return self::answer('ok', $this->settle() ?? gettext('nothing is provably wrong; nothing was changed'));
        } finally {
            $this->end();
        }
    }

    /**
     * What is due from time to time: a maintenance whose end has come is left, the flag and its 240 are brought together, and
     * the record forgets a maintenance that somebody else has ended. Does nothing while somebody else is at it.
     *
     * @return string|null what was done
     */
    public function watch()
    {
        if (!$this->begin(false)) {
            return null;
        }
        try {
            $record = $this->read();
            $flag = $this->system->flag();
            $until = strtotime((string)$record['until']);
            $now = $this->system->now();
            // The end is after the beginning, so a clock that was reset to before the beginning ends nothing.
            if ($flag && $until !== false && $now >= $until) {
                return $this->left('its time has come')['message'];
            }
            $boot = $this->system->boot();
            $place = self::place($flag, $this->unexplained(), $record, $boot);
            if ($flag && $place === 'in_place' && !self::wasInPlace($record, $boot)) {
                // Core's own button, or its boot script.
                $since = $record['since'] ?? self::time($now);
                $this->write(['in_place' => true, 'boot' => $boot, 'since' => $since] + $record);
            } elseif (!$flag && $place === 'none' && $record !== self::blank()) {
                $this->write(self::blank());
            } elseif ($place === 'missing' || $place === 'stale') {
                // Core's own button writes the two in the other order; between them is not the time to mend anything.
                $this->system->pause();
                return $this->settle();
            }

            return null;
        } finally {
            $this->end();
        }
    }

    private function settle()
    {
        $record = $this->read();
        $flag = $this->system->flag();
        $place = self::place($flag, $this->unexplained(), $record, $this->system->boot());
        if ($place === 'missing') {
            return $this->putIn($record) ?? gettext('the missing 240 was put in');
        }
        if ($place === 'stale' && $this->system->add(-self::AMOUNT)) {
            $this->write(self::blank());
            return gettext('the 240 that was left over was taken out');
        }

        return null;
    }

    /**
     * Puts the 240 in if it is not there.
     *
     * @return string|null what prevents it
     */
    private function putIn($record)
    {
        $boot = $this->system->boot();
        $place = self::place(true, $this->unexplained(), $record, $boot);
        if ($place === 'unknown') {
            return gettext('The flag is set, but it cannot be told whether its 240 is in the demotion; nothing was added.');
        }
        if ($place === 'missing' && !$this->system->add(self::AMOUNT)) {
            return gettext('The kernel refuses to change net.inet.carp.demotion; see the log.');
        }
        $this->write(['in_place' => true, 'boot' => $boot] + $record);

        return null;
    }

    /**
     * @param bool $flag whether the flag is set
     * @param int|null $rest what is unexplained of the demotion, the 240 of the flag included
     * @param array $record
     * @param string $boot
     * @return string in_place, missing, stale, none or unknown
     */
    public static function place($flag, $rest, $record, $boot)
    {
        if ($rest === null) {
            return 'unknown';
        }
        if ($flag) {
            return $rest >= self::AMOUNT ? 'in_place' : ($rest === 0 ? 'missing' : 'unknown');
        }
        if ($rest === 0 || !self::wasInPlace($record, $boot)) {
            return 'none';
        }

        return $rest === self::AMOUNT ? 'stale' : 'unknown';
    }

    private static function wasInPlace($record, $boot)
    {
        return $record['in_place'] && $boot !== '' && $record['boot'] === $boot;
    }

    private static function explain($flag, $place)
    {
        switch ($place) {
            case 'in_place':
                return gettext('The maintenance flag is set and its 240 is in the demotion.');
            case 'missing':
                return gettext('The maintenance flag is set, but its 240 is not in the demotion: this node takes part as usual.');
            case 'stale':
                return gettext('The maintenance flag is gone, but its 240 is still in the demotion: this node stays demoted.');
            case 'none':
                return gettext('This node is not in maintenance.');
        }

        return $flag ?
            gettext('The maintenance flag is set; whether its 240 is in the demotion cannot be told.') :
            gettext('The maintenance flag is not set; whether its 240 is still in the demotion cannot be told.');
    }

    /**
     * What neither carpd, nor the kernel, nor OPNsense's service check explains of the demotion.
     *
     * @return int|null null if it cannot be told
     */
    private function unexplained()
    {
        for ($try = 0; $try < 4; $try++) {
            if ($try > 0) {
                $this->system->nudge();
            }
            $sum = $this->system->sum();
            $demotion = $this->system->status()['demotion'] ?? [];
            // A status of before the last change would lead to the same write twice.
            if ($sum === null || ($demotion['total'] ?? null) !== $sum || $this->system->sum() !== $sum) {
                continue;
            }
            if (in_array($demotion['ledger'] ?? '', ['moving', 'uncertain'], true)) {
                continue;
            }
            $rest = 0;
            foreach ($demotion['reasons'] ?? [] as $part) {
                $rest += in_array($part['name'] ?? '', self::OPEN_PARTS, true) ? (int)$part['value'] : 0;
            }
            // All amounts but those of carpd's own share are multiples of 16: this one is not told apart.
            return $rest % 16 === 0 ? $rest : null;
        }

        return null;
    }

    private static function blank()
    {
        return ['reason' => '', 'by' => '', 'since' => null, 'until' => null, 'in_place' => false, 'boot' => ''];
    }

    private function path()
    {
        return $this->directory . '/maintenance.json';
    }

    private function read()
    {
        $record = json_decode((string)@file_get_contents($this->path()), true);
        $blank = self::blank();
        if (!is_array($record)) {
            return $blank;
        }
        foreach ($blank as $key => $value) {
            $is = $record[$key] ?? $value;
            $fits = is_bool($value) ? is_bool($is) : (is_string($is) || ($value === null && $is === null));
            $blank[$key] = $fits ? $is : $value;
        }

        return $blank;
    }

    /**
     * Replaces the record as a whole, so that a power cut leaves the old one or the new one.
     */
    private function write($record)
    {
        $new = $this->path() . '.new';
        $text = json_encode(array_intersect_key($record, self::blank()), JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        $file = fopen($new, 'w');
        if (
            $file === false || !chmod($new, 0600) || fwrite($file, $text . "\n") === false || !fflush($file) ||
            !fsync($file) || !fclose($file) || !rename($new, $this->path())
        ) {
            throw new \RuntimeException(sprintf('%s cannot be written', $this->path()));
        }
    }

    private function begin($wait)
    {
        if (!is_dir($this->directory)) {
            mkdir($this->directory, 0700, true);
        }
        $this->lock = fopen($this->directory . '/maintenance.lock', 'c');
        for ($try = 0; $this->lock !== false && $try < ($wait ? 50 : 1); $try++) {
            if (flock($this->lock, LOCK_EX | LOCK_NB)) {
                return true;
            }
            usleep(100000);
        }

        return false;
    }

    private function end()
    {
        fclose($this->lock);
        $this->lock = null;
    }

    private static function busy()
    {
        return self::answer('failed', gettext('Somebody else is changing the maintenance; try again.'));
    }

    private static function answer($result, $message)
    {
        return ['result' => $result, 'message' => $message];
    }

    private static function time($seconds)
    {
        return gmdate('Y-m-d\TH:i:s\Z', $seconds);
    }
}
