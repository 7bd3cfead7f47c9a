<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * A stand-in for configd and its client: it runs the commands of the plugin's own actions file, with the lab's paths in the
 * place of the system's. Maintenance is run by the plugin's class, with the lab's node as its machine.
 */

namespace OPNsense\Core;

use OPNsense\Carpd\Maintenance;

class Backend
{
    public function configdRun($event, $detach = false, $timeout = 120, $connect_timeout = 10)
    {
        return $this->configdpRun($event);
    }

    public function configdpRun($event, $params = [], $detach = false, $timeout = 120, $connect_timeout = 10)
    {
        $words = explode(' ', str_replace("'", '', $event));
        if (array_shift($words) !== 'carpd') {
            return 'OK';
        }
        $parameters = array_values((array)$params);
        if ($words[0] === 'maintenance') {
            return json_encode($this->maintenance($words[1], $parameters));
        }
        $actions = parse_ini_string(preg_replace('/^(\w+):(.*)$/m', '$1="$2"', file_get_contents(getenv('CARPD_PLUGIN') . '/src/opnsense/service/conf/actions.d/actions_carpd.conf')), true, INI_SCANNER_RAW);
        $command = match ($words[0]) {
            'status' => $this->lab('/usr/local/sbin/carpctl') . ' status --json | grep -q \'"source": *"daemon"\' && echo carpd is running || echo carpd is not running',
            'apply' => 'printf "0\n{}\n"',
            'show' => $words[1] === 'peer' ? $this->peer() : $this->lab($actions[implode('.', $words)]['command']),
            default => $this->lab($actions[implode('.', $words)]['command']),
        };
        $format = $actions[implode('.', $words)]['parameters'] ?? '';
        $given = array_map('escapeshellarg', array_pad($parameters, substr_count($format, '%s'), ''));
        exec($command . ' ' . vsprintf($format, $given) . ' 2>/dev/null', $lines);
        return implode("\n", $lines);
    }

    /** The other node of the lab in the place of the other firewall's web server. */
    private function peer(): string
    {
        $carpctl = 'CARPD_FILES= CARPD_NODE=' . getenv('CARPD_PEER') . ' ' . getenv('CARPD_CARPCTL');
        return "printf '{\"result\":\"ok\",\"data\":%s}' \"\$({$carpctl} status --json)\"";
    }

    /** A command line, or a script of the plugin, with the lab's paths. */
    private function lab(string $text): string
    {
        $scripts = '/usr/local/opnsense/scripts/carpd/';
        if (str_starts_with($text, $scripts)) {
            [$script, $rest] = explode(' ', substr($text, strlen($scripts)), 2);
            $body = $this->lab(file_get_contents(getenv('CARPD_PLUGIN') . "/src/opnsense/scripts/carpd/{$script}"));
            $file = sys_get_temp_dir() . '/carpd-page-' . md5($body);
            // Other requests run it at the same time: it is there as a whole, or not.
            file_put_contents($file . getmypid(), $body);
            rename($file . getmypid(), $file);
            return "sh {$file} {$rest}";
        }
        $node = getenv('CARPD_LAB') . '/' . getenv('CARPD_NODE');
        return strtr($text, [
            '/usr/local/sbin/carpctl' => getenv('CARPD_CARPCTL'),
            '/usr/local/etc/carpd/carpd.toml' => "{$node}/carpd.toml",
            '/conf/config.xml' => "{$node}/config.xml",
        ]);
    }

    private function maintenance(string $action, array $given): array
    {
        $maintenance = new Maintenance(new \LabSystem(), getenv('CARPD_FILES') . '/maintenance');
        $answer = match ($action) {
            'show' => ['result' => 'ok'],
            'preflight' => ['result' => 'ok'] + $maintenance->preflight(),
            'enter' => $maintenance->enter($given[0] === '' ? null : $given[0], $given[1] === '' ? null : \OPNsense\Carpd\Duration::seconds($given[1]), $given[3], $given[2] === '1'),
            'leave' => $maintenance->leave($given[0]),
            'repair' => $maintenance->repair(),
        };
        return $answer + ['maintenance' => $maintenance->show()];
    }
}
